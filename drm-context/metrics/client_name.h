// The name under which the host's tools show a context's device file.
#pragma once

#include <string>
#include <string_view>

namespace viaduct {

/// "VM/guest process", by the rules of DRM_IOCTL_SET_CLIENT_NAME (kernel drm_ioctl.c): at most 64
/// bytes, printable, without spaces. Anything else becomes '_'; a long VM name is cut first.
std::string make_client_name(std::string_view vm, std::string_view process);

}  // namespace viaduct
