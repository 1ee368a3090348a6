#include "simgpu/drm/capable.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace simgpu::drm {

bool capable(int capability) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, data) != 0) return false;
    if (!(data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability))) return false;
    constexpr ino_t kInitialUserNamespace = 0xefffffff - 2;  // linux/proc_ns.h: PROC_USER_INIT_INO
    struct stat space {};
    return ::stat("/proc/self/ns/user", &space) == 0 && space.st_ino == kInitialUserNamespace;
}

}  // namespace simgpu::drm
