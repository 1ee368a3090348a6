// viaduct view: the screen of a QEMU with -display dbus, in a window.
#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <ctime>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/unique_fd.h"
#include "display/gpu_copy/egl_copier.h"
#include "display/viewer/qmp.h"
#include "display/viewer/screenshot.h"
#include "display/viewer/viewer.h"
#include "tools/viaduct/command.h"

namespace viaduct::tool {

namespace {

struct ViewOptions {
    std::string address;
    std::string qmp;
    int fd = -1;
    int console = -1;
    bool reconnect = false;
    bool stats = false;
    std::string clipboard = "off";
    std::string screenshot;
};

int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Result<viewer::Connecting> connect(const ViewOptions& options, wayland::Watches& watches) {
    if (!options.qmp.empty()) return viewer::QmpHandshake::begin(options.qmp, watches);
    if (options.fd < 0) return viewer::Bus::open(options.address, watches);
    UniqueFd socket = UniqueFd::duplicate_of(options.fd);
    if (!socket) return fail(EBADF, "descriptor {} is not open", options.fd);
    return viewer::Bus::adopt(std::move(socket), watches);
}

int report(const Status& status) {
    if (status) return 0;
    fmt::print(stderr, "viaduct view: {}\n", status.error().message);
    return 1;
}

Status take_screenshot(const ViewOptions& options) {
    constexpr int64_t kPatience = 5'000'000'000;
    const auto frame = viewer::take_picture(
        [&](wayland::Watches& watches) { return connect(options, watches); },
        options.qmp.empty() && options.fd < 0,
        options.console < 0 ? std::nullopt : std::optional(static_cast<uint32_t>(options.console)),
        kPatience);
    if (!frame) return tl::unexpected(frame.error());
    const auto rgb = viewer::rgb_of(*frame);
    if (!rgb) return tl::unexpected(rgb.error());
    return viewer::write_png(options.screenshot, frame->layout().width, frame->layout().height,
                             *rgb);
}

/// Readable once somebody wants the program to end.
UniqueFd watch_signals() {
    sigset_t ends;
    sigemptyset(&ends);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, number);
    ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    return UniqueFd(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
}

Status show(const ViewOptions& options) {
    viewer::Viewer::Options all;
    all.connect_bus = [&](wayland::Watches& watches) { return connect(options, watches); };
    all.has_daemon = options.qmp.empty() && options.fd < 0;
    all.reconnect = options.reconnect;
    all.clipboard = {
        .to_guest = options.clipboard == "to-guest" || options.clipboard == "both",
        .from_guest = options.clipboard == "from-guest" || options.clipboard == "both"};
    if (options.console >= 0) all.only = static_cast<uint32_t>(options.console);
    all.head.connect = [] { return wayland::Connection::open(nullptr); };
    all.head.clock = now_ns;
    all.head.window.open_copier = gpu_copy::chosen_copier(true);
    if (options.stats)
        all.stats = [](const std::string& line) {
            fmt::print("{}\n", line);
            std::fflush(stdout);
        };
    // Without a compositor there is nothing to do: fail before QEMU is connected.
    if (const auto tried = wayland::Connection::open(nullptr); !tried && !options.reconnect)
        return tl::unexpected(tried.error());
    const UniqueFd stop = watch_signals();
    ::signal(SIGPIPE, SIG_IGN);  // programs may stop reading what they paste
    return viewer::Viewer(std::move(all)).run(stop.get());
}

int run(const ViewOptions& options) {
    const int ways = !options.address.empty() + !options.qmp.empty() + (options.fd >= 0);
    if (ways > 1) return report(fail(EINVAL, "use only one of --address, --qmp and --fd"));
    if (options.reconnect && (options.fd >= 0 || !options.screenshot.empty()))
        return report(
            fail(EINVAL, "--reconnect works only with --address or --qmp, and only for windows"));
    return report(options.screenshot.empty() ? show(options) : take_screenshot(options));
}

}  // namespace

void add_view(CLI::App& app, int& status) {
    auto options = std::make_shared<ViewOptions>();
    CLI::App* command = app.add_subcommand("view", "The screen of a VM, in a window");
    command->add_option("--address,-a", options->address,
                        "D-Bus address of the bus with QEMU (default: the session's)");
    command->add_option("--qmp,-q", options->qmp, "QEMU's QMP socket, for -display dbus,p2p=on");
    command->add_option("--fd", options->fd, "A socket passed to QEMU with add_client")
        ->check(CLI::NonNegativeNumber);
    command->add_option("--console,-c", options->console, "Only this console (default: all)")
        ->check(CLI::NonNegativeNumber);
    command->add_flag("--reconnect,-r", options->reconnect,
                      "Wait for QEMU, now and whenever it ends");
    command->add_flag("--stats,-s", options->stats, "A line of figures per window and second");
    command
        ->add_option("--clipboard", options->clipboard,
                     "Share copied text: to-guest, from-guest, both, off (default)")
        ->check(CLI::IsMember({"off", "to-guest", "from-guest", "both"}));
    command->add_option("--screenshot", options->screenshot,
                        "Write the picture to this PNG file; opens no window");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace viaduct::tool
