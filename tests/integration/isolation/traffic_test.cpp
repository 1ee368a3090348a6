// Messages under way to workers that accept none: they use up no resource that others need.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

/// Contexts whose workers are stopped: as busy as can be.
class BusyContexts {
  public:
    BusyContexts(Vmm& vmm, uint32_t first_id, uint32_t count) {
        for (uint32_t i = 0; i < count; ++i) {
            const std::string name = unique_name("bu");
            contexts_.push_back(std::make_unique<GuestContext>(
                vmm, first_id + i, GuestContext::Control::kCreate, name));
            workers_.push_back(worker_of(name));
        }
        for (const pid_t worker : workers_) ::kill(worker, SIGSTOP);
    }
    ~BusyContexts() {
        for (const pid_t worker : workers_) ::kill(worker, SIGCONT);
    }
    void attach_and_detach(uint32_t res_id, int times) {
        for (const auto& context : contexts_)
            for (int i = 0; i < times; ++i) {
                const auto id = static_cast<int>(context->id()), res = static_cast<int>(res_id);
                virgl_renderer_ctx_attach_resource(id, res);
                virgl_renderer_ctx_detach_resource(id, res);
            }
    }

  private:
    std::vector<std::unique_ptr<GuestContext>> contexts_;
    std::vector<pid_t> workers_;
};

TEST(Traffic, AttachmentsThatWaitTakeNoDescriptors) {
    Vmm vmm;
    GuestContext owner(vmm, 1);
    const uint32_t shared = owner.create_buffer(4096, 1 | kShareable);
    ASSERT_NE(shared, 0u);
    BusyContexts busy(vmm, 2, 1);
    const size_t before = ProcessUse::now().descriptors;
    busy.attach_and_detach(shared, 1000);
    EXPECT_LE(ProcessUse::now().descriptors, before);
}

/// A VMM of an ordinary user, with few descriptors.
class OrdinaryVmm {
  public:
    /// Runs in a process of its own; what fails there fails here.
    explicit OrdinaryVmm(std::function<void()> run) {
        pid_ = ::fork();
        if (pid_ != 0) return;
        become_ordinary();
        try {
            run();
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
        ::_exit(testing::Test::HasFailure() ? 1 : 0);
    }
    ~OrdinaryVmm() { EXPECT_TRUE(succeeds()); }
    bool succeeds() {
        if (pid_ <= 0) return succeeded_;
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return succeeded_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

  private:
    // The kernel does not bind root to the limit; but in a user namespace it does, and there may be
    // no other user. A number that nobody has: other tests' processes must not count.
    static void become_ordinary() {
        const rlimit few{1024, 1024};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
        const auto user = static_cast<uid_t>(50'000 + ::getppid() % 10'000);
        if (::getuid() == 0 && ::setresgid(user, user, user) == 0) {
            ASSERT_EQ(::setresuid(user, user, user), 0);
        }
        ::prctl(PR_SET_DUMPABLE, 1);  // its own files of /proc
    }

    pid_t pid_ = -1;
    bool succeeded_ = true;
};

/// viaduct-worker where every user can run it.
class PublicWorker {
  public:
    PublicWorker() {
        std::filesystem::copy_file(std::getenv("VIADUCT_TEST_WORKER"), path_);
        ::chmod(path_.c_str(), 0755);
        ::setenv("VIADUCT_WORKER_PATH", path_.c_str(), 1);
    }
    ~PublicWorker() { std::filesystem::remove(path_); }

  private:
    const std::string path_ = testing::TempDir() + unique_name("wo");
};

/// A byte from one process to another.
class Signal {
  public:
    Signal() { EXPECT_EQ(::pipe(ends_), 0); }
    ~Signal() {
        for (const int end : ends_) ::close(end);
    }
    void send() { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }
    void wait() {
        pollfd entry{ends_[0], POLLIN, 0};
        EXPECT_EQ(::poll(&entry, 1, 60'000), 1) << "the other process has failed";
    }

  private:
    int ends_[2];
};

// Descriptors in sockets count for their user, whichever process sent them.
TEST(TwoVms, OfOneUserDoNotDisturbEachOther) {
    const PublicWorker worker;
    Signal attacked, done;
    OrdinaryVmm attacker([&] {
        Vmm vmm;
        GuestContext owner(vmm, 1);
        const uint32_t shared = owner.create_buffer(4096, 1 | kShareable);
        EXPECT_NE(shared, 0u);
        BusyContexts busy(vmm, 2, 5);
        busy.attach_and_detach(shared, 260);
        attacked.send();
        done.wait();
    });
    OrdinaryVmm victim([&] {
        attacked.wait();
        {
            Vmm vmm;
            GuestContext guest(vmm, 1);
            EXPECT_NE(guest.create_buffer(4096, 1 | kShareable), 0u) << vmm.log_text();
            Commands large;
            for (int i = 0; i < 20'000; ++i)
                large.add(wire::RequestHeader{1, 16, guest.next_seqno(), 0});
            EXPECT_EQ(guest.submit(large), 0);
            EXPECT_TRUE(guest.settle()) << vmm.log_text();
        }
        done.send();
    });
    EXPECT_TRUE(victim.succeeds());
    EXPECT_TRUE(attacker.succeeds());
}

}  // namespace
}  // namespace viaduct::test
