// The tests, or the VM beside the one that they attack.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/integration/hostile_worker/neighbour.h"

int main(int count, char** arguments) {
    if (count > 1 && std::strcmp(arguments[1], "--neighbour") == 0)
        return viaduct::test::run_neighbour();
    testing::InitGoogleTest(&count, arguments);
    return RUN_ALL_TESTS();
}
