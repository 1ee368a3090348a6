#include "tests/integration/isolation/confined_vmm.h"

#include <gtest/gtest.h>
#include <seccomp.h>

#include <cerrno>

namespace viaduct::test {

void forbid_namespaces() {
    const auto context = ::seccomp_init(SCMP_ACT_ALLOW);
    EXPECT_EQ(::seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0), 0);
    EXPECT_EQ(::seccomp_load(context), 0);
    ::seccomp_release(context);
}

}  // namespace viaduct::test
