#include "renderer/storage/classic.h"

namespace viaduct {

Result<UniqueFd> ClassicStorage::new_dmabuf() {
    uint32_t type = 0;
    int fd = -1;
    if (classic_->export_blob(id_, &type, &fd) != 0)
        return fail(EINVAL, "resource {} cannot be exported", id_);
    UniqueFd exported(fd);
    if (type != VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF)
        return fail(EINVAL, "resource {} is not a dma-buf", id_);
    return exported;
}

}  // namespace viaduct
