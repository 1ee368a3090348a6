// Software2d: 2D resources in plain memory, for hosts without a system virglrenderer.
#pragma once

#include <unordered_map>

#include "base/mutex.h"
#include "blob/mapping.h"
#include "renderer/classic.h"

namespace viaduct {

/// Enough for a guest's console: 2D textures that are written from guest memory and read back. No
/// contexts, no capability sets. Thread-safe.
class Software2d : public ClassicRenderer {
  public:
    void reset() override;
    int resource_create(virgl_renderer_resource_create_args& args, iovec* iovecs,
                        uint32_t count) override;
    void unref(ResourceId res_id) override;
    int attach_iov(ResourceId res_id, iovec* iovecs, int count) override;
    void detach_iov(ResourceId res_id, iovec** iovecs, int* count) override;
    int transfer_write(const Transfer& transfer) override;
    int transfer_read(const Transfer& transfer) override;
    int info(ResourceId res_id, virgl_renderer_resource_info& info) override;
    void get_rect(ResourceId res_id, iovec* iovecs, uint32_t count, uint32_t offset,
                  const Rect& rect) override;
    void* cursor_data(ResourceId res_id, uint32_t* width, uint32_t* height) override;

  private:
    struct Image {
        virgl_renderer_resource_create_args args{};
        uint32_t drm_fourcc = 0;
        Mapping pixels;  // anonymous: a guest that never draws costs nothing
        iovec* iovecs = nullptr;
        int num_iovecs = 0;

        uint32_t row_bytes() const;
    };
    enum class Direction { kToImage, kToIovecs };

    Image* find(ResourceId res_id) VIADUCT_REQUIRES(mutex_);
    int copy(const Transfer& transfer, Direction direction);

    Mutex mutex_;
    std::unordered_map<ResourceId, Image> images_ VIADUCT_GUARDED_BY(mutex_);
    uint64_t total_bytes_ VIADUCT_GUARDED_BY(mutex_) = 0;
};

}  // namespace viaduct
