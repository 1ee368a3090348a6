#include "simgpu/node/proc_self.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace simgpu::node {
namespace {

using Kind = ProcSelfPath::Kind;

TEST(ProcSelf, OwnDescriptorsAreParsed) {
    const std::string own = "/proc/" + std::to_string(::getpid());
    struct Case {
        std::string path;
        Kind kind;
        int fd;
    };
    for (const Case& c : {Case{"/proc/self/fd/0", Kind::kFd, 0},
                          Case{"/proc/thread-self/fdinfo/17", Kind::kFdinfo, 17},
                          Case{own + "/fd/1048575", Kind::kFd, 1048575},
                          Case{own + "/fdinfo/3", Kind::kFdinfo, 3}}) {
        const auto parsed = parse_proc_self(c.path.c_str());
        ASSERT_TRUE(parsed) << c.path;
        EXPECT_EQ(parsed->kind, c.kind) << c.path;
        EXPECT_EQ(parsed->fd, c.fd) << c.path;
    }
}

TEST(ProcSelf, AllElseIsNot) {
    for (const char* path :
         {"", "/proc", "/proc/self", "/proc/self/fd", "/proc/self/fd/", "/proc/self/fd/x",
          "/proc/self/fd/3x", "/proc/self/fd/3/x", "/proc/self/fd/99999999999", "/proc/1/fd/3",
          "/proc/self/maps", "/proc/selffd/3", "proc/self/fd/3", "/dev/fd/3"})
        EXPECT_FALSE(parse_proc_self(path)) << path;
}

}  // namespace
}  // namespace simgpu::node
