// ImportedStorage: behind a descriptor that the VMM brought.
#pragma once

#include <utility>

#include "renderer/storage/own.h"

namespace viaduct {

class ImportedStorage : public OwnStorage {
  public:
    /// `fd_type`: VIRGL_RENDERER_BLOB_FD_TYPE_*.
    ImportedStorage(const BlobState& state, const StorageServices& services, SharedFd fd,
                    uint32_t fd_type)
        : OwnStorage(state, services), fd_(std::move(fd)), fd_type_(fd_type) {}

    SharedFd dmabuf() override {
        return fd_type_ == VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF ? fd_ : nullptr;
    }

  protected:
    Result<BlobMapSource> map_source() override { return source_of(fd_); }
    Result<ExportedStorage> exported() override { return duplicate_of(fd_, fd_type_); }

  private:
    const SharedFd fd_;
    const uint32_t fd_type_;
};

}  // namespace viaduct
