// EglCopier: copies frames with GLES on a render node, buffers from GBM.
#pragma once

#include "display/gpu_copy/copier.h"

namespace viaduct::gpu_copy {

/// The copier of the GPU with device number `device`. ENOTSUP: EGL, GBM or an extension is missing,
/// or would draw in software; ENODEV: no render node of the device can be opened.
Result<std::unique_ptr<Copier>> open_egl_copier(dev_t device);

/// As VIADUCT_GPU_COPIES has it: open_egl_copier() for `on`, nothing for `off`; unset or anything
/// else (with a line in the log): open_egl_copier() if `by_default`.
OpenCopier chosen_copier(bool by_default);

}  // namespace viaduct::gpu_copy
