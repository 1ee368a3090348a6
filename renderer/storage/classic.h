// ClassicStorage: 2D and 3D resources, and blobs of virgl and Venus contexts.
#pragma once

#include <memory>
#include <utility>

#include "base/ids.h"
#include "renderer/storage/storage.h"

namespace viaduct {

/// Everything is the classic renderer's to answer.
class ClassicStorage : public Storage {
  public:
    ClassicStorage(ResourceId id, std::shared_ptr<ClassicRenderer> classic)
        : id_(id), classic_(std::move(classic)) {}

    int map(void** address, uint64_t* size) override { return classic_->map(id_, address, size); }
    int unmap() override { return classic_->unmap(id_); }
    int map_fixed(void* address) override { return classic_->map_fixed(id_, address); }
    int map_info(uint32_t* info) override { return classic_->map_info(id_, info); }
    int export_blob(uint32_t* fd_type, int* fd) override {
        return classic_->export_blob(id_, fd_type, fd);
    }
    bool makes_dmabufs() const override { return true; }
    Result<UniqueFd> new_dmabuf() override;

    int info(virgl_renderer_resource_info& info) override { return classic_->info(id_, info); }
    int info_ext(virgl_renderer_resource_info_ext& info) override {
        return classic_->info_ext(id_, info);
    }
    int export_query(virgl_renderer_export_query& query) override {
        return classic_->export_query(query);
    }
    void get_rect(iovec* iovecs, uint32_t count, uint32_t offset, const Rect& rect) override {
        classic_->get_rect(id_, iovecs, count, offset, rect);
    }
    void* cursor_data(uint32_t* width, uint32_t* height) override {
        return classic_->cursor_data(id_, width, height);
    }

    int attach_iov(iovec* iovecs, int count) override {
        return classic_->attach_iov(id_, iovecs, count);
    }
    void detach_iov(iovec** iovecs, int* count) override {
        classic_->detach_iov(id_, iovecs, count);
    }

    std::shared_ptr<ClassicRenderer> classic() const override { return classic_; }
    bool introduce_to(const std::shared_ptr<ClassicRenderer>&) override { return true; }

  private:
    const ResourceId id_;
    const std::shared_ptr<ClassicRenderer> classic_;
};

}  // namespace viaduct
