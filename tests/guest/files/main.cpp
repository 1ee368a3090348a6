// viaduct-guest-files: open files of a render node, across processes and past the C library, as
// GoogleTest cases. Speaks to the kernel alone. A run without a node of a driver in driver.h fails.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/guest/files/node_file.h"
#include "tests/guest/files/program.h"

namespace viaduct::guest_files {

namespace {

constexpr char kUseDescriptor[] = "--use-descriptor";

}  // namespace

const std::string& node_path() {
    static const std::string path = find_node();
    return path;
}

int run_self_on(int fd) {
    std::string program = "viaduct-guest-files";
    std::string flag = kUseDescriptor;
    std::string number = std::to_string(fd);
    char* arguments[] = {program.data(), flag.data(), number.data(), nullptr};
    pid_t child = -1;
    int status = -1;
    if (::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments, environ) != 0 ||
        ::waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

}  // namespace viaduct::guest_files

int main(int argc, char** argv) {
    using namespace viaduct::guest_files;
    if (argc == 3 && std::strcmp(argv[1], kUseDescriptor) == 0)
        return NodeFile(std::atoi(argv[2])).works() ? EXIT_SUCCESS : EXIT_FAILURE;
    testing::InitGoogleTest(&argc, argv);
    if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
    if (node_path().empty()) {
        std::fprintf(stderr, "no render node of amdgpu, i915 or xe found\n");
        return EXIT_FAILURE;
    }
    return RUN_ALL_TESTS();
}
