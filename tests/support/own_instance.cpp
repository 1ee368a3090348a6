// Linked into every test program: a simulated GPU of its own. Programs run beside each other, and
// all that name the same instance share its rings, its memory and its hangs.
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

// Before main(), thus before any of our libraries looks. A program that a test starts keeps its
// parent's instance, as the two mean to meet there.
[[maybe_unused]] const int kNamed = ::setenv(
    "VIADUCT_SIMGPU_INSTANCE", ("test-" + std::to_string(::getpid())).c_str(), /*replace=*/0);

}  // namespace
