#include "drm-context/jail/landlock.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/unique_fd.h"

namespace viaduct::jail {

namespace {

// How many of the lowest bits are rights to files, by version of the interface (linux/landlock.h).
// Version 2 knows LANDLOCK_ACCESS_FS_REFER, 3 TRUNCATE, 5 IOCTL_DEV. A ruleset with a right that
// the kernel does not know is refused.
constexpr unsigned kRights[] = {0, 13, 14, 15, 15, 16};

uint64_t known_rights(long version) {
    const auto newest = static_cast<long>(std::size(kRights)) - 1;
    return (uint64_t{1} << kRights[std::min(version, newest)]) - 1;
}

}  // namespace

void enter_landlock() {
    const long version =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return;  // ENOSYS: not compiled in. EOPNOTSUPP: off since boot
    const landlock_ruleset_attr rights{.handled_access_fs = known_rights(version)};
    // No rule is added: of these rights, nothing is left.
    const UniqueFd ruleset(
        static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rights, sizeof(rights), 0)));
    if (ruleset) (void)!::syscall(SYS_landlock_restrict_self, ruleset.get(), 0);
}

}  // namespace viaduct::jail
