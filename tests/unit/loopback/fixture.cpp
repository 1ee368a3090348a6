#include "tests/unit/loopback/fixture.h"

#include <poll.h>

#include <atomic>
#include <future>

namespace viaduct::loopback {

bool GuestProgram::wait(const UniqueFd& sync_file, int timeout_ms) {
    pollfd entry{sync_file.get(), POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
}

void LoopbackTest::start(DeviceOptions options) {
    static std::atomic<int> counter;
    socket_path_ = fmt::format("@viaduct-loopback-test-{}-{}", ::getpid(), ++counter);
    stop_fd_.reset(::eventfd(0, EFD_CLOEXEC));
    auto api = RendererApi::load(VIADUCT_FAKE_RENDERER);
    ASSERT_TRUE(api) << api.error().message;
    api_ = std::move(*api);
    journal();
    options.window_size = kWindowSize;
    std::promise<void> listening;
    server_ = std::thread([this, options, &listening] {
        auto listener = listen_socket(socket_path_);
        auto device = VirtioGpu::create(*api_, options);
        // A lifeline that never ends: tests come and go with clients as they like.
        UniqueFd lifeline(::eventfd(0, EFD_CLOEXEC));
        auto server = Server::create(**device, std::move(*listener), std::move(lifeline));
        listening.set_value();
        EXPECT_TRUE((*server)->run(stop_fd_.get()));
    });
    listening.get_future().wait();
}

void LoopbackTest::stop() {
    if (!server_.joinable()) return;
    ::eventfd_write(stop_fd_.get(), 1);
    server_.join();
}

fake::Journal LoopbackTest::journal() {
    void* const library = ::dlopen(VIADUCT_FAKE_RENDERER, RTLD_NOW | RTLD_NOLOAD);
    auto* const take = reinterpret_cast<decltype(&fake_renderer_take_journal)>(
        ::dlsym(library, "fake_renderer_take_journal"));
    ::dlclose(library);
    fake::Journal journal;
    take(&journal);
    return journal;
}

}  // namespace viaduct::loopback
