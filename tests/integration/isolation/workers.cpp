#include "tests/integration/isolation/workers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

namespace viaduct::test {

namespace {

using namespace std::chrono_literals;

std::string read_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// The kernel cuts a process's name after 15 bytes.
std::string process_name(const std::string& guest_name) {
    return ("vw:" + guest_name).substr(0, 15);
}

}  // namespace

bool has_worker_processes() {
    const char* isolation = std::getenv("VIADUCT_ISOLATION");
    return !isolation || isolation != std::string_view("thread");
}

std::string unique_name(const std::string& tag) {
    static int last = 0;
    return fmt::format("{:x}{}{}", ::getpid(), tag.substr(0, 2), ++last);
}

std::string status_line(pid_t pid, const std::string& name) {
    std::ifstream file(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(name + ":")) continue;
        const size_t value = line.find_first_not_of(" \t", name.size() + 1);
        return value == std::string::npos ? "" : line.substr(value);
    }
    return {};
}

pid_t parent_of(pid_t pid) {
    const std::string parent = status_line(pid, "PPid");
    return parent.empty() ? -1 : std::stoi(parent);
}

std::vector<pid_t> workers_of(const std::string& guest_name) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        if (read_line(entry.path() / "comm") != process_name(guest_name)) continue;
        const pid_t pid = std::stoi(name);
        if (!status_line(pid, "State").starts_with("Z")) found.push_back(pid);
    }
    return found;
}

std::vector<pid_t> wait_for_workers(const std::string& guest_name, size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    auto found = workers_of(guest_name);
    for (; found.size() < count && std::chrono::steady_clock::now() < deadline;
         found = workers_of(guest_name))
        std::this_thread::sleep_for(5ms);
    return found;
}

pid_t worker_of(const std::string& guest_name) {
    const auto found = wait_for_workers(guest_name, 1);
    EXPECT_EQ(found.size(), 1u) << "workers of " << guest_name;
    return found.size() == 1 ? found.front() : -1;
}

bool workers_end(const std::string& guest_name) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!workers_of(guest_name).empty()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

}  // namespace viaduct::test
