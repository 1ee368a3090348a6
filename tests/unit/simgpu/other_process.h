// A second process for tests of what processes share.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

namespace simgpu::test {

/// A child process that does `body`, reports it, and lives until it is killed.
class OtherProcess {
  public:
    explicit OtherProcess(const std::function<void()>& body) {
        int ends[2];
        if (::pipe(ends) != 0) ::abort();
        pid_ = ::fork();
        if (pid_ == 0) {
            body();
            (void)!::write(ends[1], "r", 1);
            for (;;) ::pause();
        }
        ::close(ends[1]);
        char ready = 0;
        EXPECT_EQ(::read(ends[0], &ready, 1), 1);
        ::close(ends[0]);
    }
    void kill() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    ~OtherProcess() { kill(); }

  private:
    pid_t pid_ = -1;
};

}  // namespace simgpu::test
