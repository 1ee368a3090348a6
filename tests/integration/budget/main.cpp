// The tests, or a VM that keeps a ring busy for one of them.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/integration/budget/ring_load.h"

int main(int count, char** arguments) {
    if (count > 1 && std::strcmp(arguments[1], "--load") == 0) return viaduct::test::run_load();
    // A device of one's own: tests run beside each other.
    ::setenv("VIADUCT_SIMGPU_INSTANCE", ("budget-" + std::to_string(::getpid())).c_str(), 1);
    // The library reads its environment once.
    const std::string metrics =
        "unix:" + testing::TempDir() + "viaduct-budget-" + std::to_string(::getpid());
    ::setenv("VIADUCT_METRICS", metrics.c_str(), 1);
    testing::InitGoogleTest(&count, arguments);
    return RUN_ALL_TESTS();
}
