// viaduct-guest-drawing: GLES 3.1 drawing without a window, as GoogleTest cases; each picture is
// compared with what the CPU computes.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/guest/gles/context.h"

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
    try {
        const viaduct::gles::Context context(viaduct::gles::Resets::kIgnored);
        std::printf("renderer: %s\nversion: %s\n", context.renderer().c_str(),
                    context.version().c_str());
        return RUN_ALL_TESTS();
    } catch (const viaduct::gles::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
