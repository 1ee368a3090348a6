#include "tests/integration/hostile_worker/deeds.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "drm-context/account/layout.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/transport/messages.h"
#include "drm-context/transport/shared_page.h"

namespace viaduct::hostile {

namespace {

void say(const Loot& loot, const transport::Reply& reply, std::span<const int> descriptors = {}) {
    const auto bytes = std::as_bytes(std::span(&reply, 1));
    while (!transport::send_message(loot.socket, bytes, descriptors)) {
        pollfd room{loot.socket, POLLOUT, 0};
        ::poll(&room, 1, 10);
    }
    transport::signal_event(loot.notify);
}

transport::Reply reply_to(uint64_t cookie) {
    transport::Reply reply{};
    reply.cookie = cookie;
    std::strcpy(reply.message, "all is well");
    return reply;
}

void flood_the_log(const Loot& loot) {
    for (;;) say(loot, reply_to(transport::kLogCookie));
}

void flood_with_answers(const Loot& loot) {
    for (uint64_t cookie = 0;; ++cookie) say(loot, reply_to(cookie % 1000));
}

// Big ones: closing the last descriptor of a memory file takes as long as it has pages.
void send_descriptors(const Loot& loot) {
    constexpr size_t kSize = 64 << 20;
    for (uint64_t cookie = 0;; ++cookie) {
        const UniqueFd file(::memfd_create("gift", MFD_CLOEXEC));
        if (::ftruncate(file.get(), kSize) != 0) continue;
        const auto memory = Mapping::map_shared(file.get(), 0, kSize);
        if (memory) std::memset(memory->data(), 1, kSize);
        const std::vector<int> copies(transport::kMaxDescriptors, file.get());
        say(loot, reply_to(cookie), copies);
    }
}

void wake_the_front(const Loot& loot) {
    for (;;) transport::signal_event(loot.notify);
}

transport::SharedPage& page_of(const Loot& loot) {
    return *reinterpret_cast<transport::SharedPage*>(loot.channel.data());
}

// Fences beyond those that are there, records that never were, room that is none.
void lie_in_the_shared_page(const Loot& loot) {
    transport::SharedPage& page = page_of(loot);
    for (uint64_t value = 0;; value = value * 6364136223846793005u + 1442695040888963407u) {
        for (auto& count : page.retired) count = value;
        page.tail = page.head = value >> 8;
        page.front_waits = page.worker_sleeps = static_cast<uint32_t>(value >> 32);
        page.in_kernel_since = page.awaits_gpu_since = static_cast<int64_t>(value);
        transport::signal_event(loot.notify);
        pollfd nothing{-1, 0, 0};
        ::poll(&nothing, 1, 1);
    }
}

// It answers nothing, and always has just come from the kernel.
void pretend_to_work(const Loot& loot) {
    for (;;) {
        page_of(loot).in_kernel_since = page_of(loot).awaits_gpu_since = monotonic_ns();
        pollfd nothing{-1, 0, 0};
        ::poll(&nothing, 1, 1);
    }
}

bool is_of_the_account(std::span<std::byte> memory) {
    return memory.size() == sizeof(account::Slot) || memory.size() == sizeof(account::Shares);
}

void poison_the_account(const Loot& loot) {
    for (;;)
        for (const auto& memory : loot.writable)
            if (is_of_the_account(memory))
                std::fill_n(reinterpret_cast<uint64_t*>(memory.data()), memory.size() / 8,
                            uint64_t{1} << 61);
}

// Its claims are gone once it is dead, and it is not dead.
void pretend_to_be_dead(const Loot& loot) {
    page_of(loot).exited = 1;
    transport::signal_event(loot.notify);
    poison_the_account(loot);
}

void kill_others(const Loot&) {
    for (;;)
        for (const pid_t pid : {-1, 0, ::getppid(), 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
            ::kill(pid, SIGKILL);
            ::poll(nullptr, 0, 1);
        }
}

// In the order of Deed.
void (*const kDeeds[])(const Loot&) = {
    flood_the_log,   flood_with_answers, send_descriptors,   wake_the_front, lie_in_the_shared_page,
    pretend_to_work, poison_the_account, pretend_to_be_dead, kill_others,
};

}  // namespace

void commit(Deed deed, const Loot& loot) {
    const auto which = static_cast<size_t>(deed);
    if (which < std::size(kDeeds)) kDeeds[which](loot);
    for (;;) ::poll(nullptr, 0, -1);
}

}  // namespace viaduct::hostile
