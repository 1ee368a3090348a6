// A VMM that is killed while its guests work leaves nothing behind.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

/// Of this test's simulated GPU, whatever the model (docs/env.md, VIADUCT_SIMGPU_INSTANCE).
bool has_files_in_shm() {
    const std::string instance = "-" + std::string(std::getenv("VIADUCT_SIMGPU_INSTANCE")) + "-v";
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm"))
        if (entry.path().native().find(instance) != std::string::npos) return true;
    return false;
}

/// A VMM in a process of its own, whose guest has submitted work.
pid_t start_vmm(const std::string& name) {
    int ends[2];
    if (::pipe(ends) != 0) return -1;
    const pid_t child = ::fork();
    if (child == 0) {
        Vmm vmm;
        GuestContext guest(vmm, 1, GuestContext::Control::kCreate, name);
        const bool works = guest.settle() && guest.submit_write(guest.create_gpu_context(), 1) != 0;
        (void)!::write(ends[1], works ? "y" : "n", 1);
        for (;;) ::pause();
    }
    ::close(ends[1]);
    char works = 'n';
    EXPECT_EQ(::read(ends[0], &works, 1), 1);
    ::close(ends[0]);
    EXPECT_EQ(works, 'y');
    return child;
}

TEST(KilledVmm, LeavesNoWorkersAndNoFiles) {
    const std::string name = unique_name("kv");
    const pid_t vmm = start_vmm(name);
    ASSERT_GT(vmm, 0);
    EXPECT_TRUE(has_files_in_shm()) << "else this test looks for the wrong ones";
    ::kill(vmm, SIGKILL);
    ::waitpid(vmm, nullptr, 0);
    EXPECT_TRUE(workers_end(name));
    EXPECT_TRUE(eventually([] { return !has_files_in_shm(); }));
}

}  // namespace
}  // namespace viaduct::test
