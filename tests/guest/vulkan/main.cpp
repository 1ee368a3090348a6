// viaduct-guest-vulkan: real Vulkan programs for a guest, as GoogleTest cases. Says first which
// driver it talks to; a run without any device fails.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/guest/vulkan/shared_memory.h"
#include "tests/guest/vulkan/support.h"

int main(int argc, char** argv) {
    try {
        if (const auto status = viaduct::vulkan::run_import_child(argc, argv)) return *status;
        testing::InitGoogleTest(&argc, argv);
        if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
        const auto& identity = viaduct::vulkan::shared_device().identity();
        std::printf("device: %s\ndriver: %s, %s\n", identity.device.c_str(),
                    identity.driver.c_str(), identity.version.c_str());
        return RUN_ALL_TESTS();
    } catch (const viaduct::vulkan::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
