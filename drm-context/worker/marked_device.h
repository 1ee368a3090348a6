// A device whose calls into the kernel show in the memory that front and worker share.
#pragma once

#include <memory>

#include "base/result.h"
#include "drm-context/device/device.h"
#include "drm-context/transport/shared_page.h"

namespace viaduct {

/// Sets SharedPage::in_kernel_since around each call that may sleep in the kernel. `page` must
/// outlive the device. Used by one thread, as any device.
Result<std::unique_ptr<Device>> mark_kernel_calls(std::unique_ptr<Device> device,
                                                  transport::SharedPage& page);

}  // namespace viaduct
