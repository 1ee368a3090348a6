#include "tests/integration/hostile_worker/neighbour.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/integration/hostile_worker/round.h"

namespace viaduct::test {

Neighbour::Neighbour() {
    int input[2], output[2];
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0) return;
    const UniqueFd its_input(input[0]), its_output(output[1]);
    lifeline_.reset(input[1]);
    report_.reset(output[0]);
    char program[] = "/proc/self/exe", argument[] = "--neighbour";
    char* arguments[] = {program, argument, nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, its_input.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, its_output.get(), STDOUT_FILENO);
    ::posix_spawn(&pid_, program, &actions, nullptr, arguments, environ);
    ::posix_spawn_file_actions_destroy(&actions);
}

Neighbour::~Neighbour() {
    lifeline_.reset();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

bool Neighbour::works(size_t rounds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    char reports[256];
    while (::poll(std::array{pollfd{report_.get(), POLLIN, 0}}.data(), 1, 0) > 0)
        if (::read(report_.get(), reports, sizeof(reports)) <= 0) return false;  // of before
    for (size_t done = 0; done < rounds;) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        pollfd entry{report_.get(), POLLIN, 0};
        if (::poll(&entry, 1, 1000) <= 0) continue;
        const ssize_t got = ::read(report_.get(), reports, sizeof(reports));
        if (got <= 0) return false;
        done += static_cast<size_t>(got);
    }
    return true;
}

int run_neighbour() {
    Vmm vmm;
    GuestContext guest(vmm, 1);
    pollfd input{STDIN_FILENO, POLLIN, 0};
    for (uint64_t va = 0x8000'0000; ::poll(&input, 1, 0) == 0; va += kRoundSpace) {
        if (!do_round(guest, va) || !start_another(vmm, 2)) return EXIT_FAILURE;
        if (::write(STDOUT_FILENO, ".", 1) != 1) return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

}  // namespace viaduct::test
