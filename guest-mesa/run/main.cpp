// viaduct-run: runs a program with the guest layer, and checks whether that would help.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "guest-mesa/run/guest_kernel.h"
#include "guest-mesa/run/offer.h"

namespace viaduct::guest {
namespace {

namespace fs = std::filesystem;

constexpr char kHelp[] =
    "viaduct-run COMMAND [ARGUMENT...]   runs a command on the host's GPU, with stock Mesa\n"
    "viaduct-run --check                 lists what this guest is offered; fails if nothing is\n"
    "viaduct-run --library               prints the layer's path\n"
    "See viaduct-run(1).\n";

// As env(1): the command cannot be run, there is no such command, our own failure.
constexpr int kOwnFailure = 125;
constexpr int kCannotRun = 126;
constexpr int kNoCommand = 127;

/// From the program's directory: as installed, and as built. The dynamic linker puts the library
/// directory of each program's architecture for $LIB; ours is VIADUCT_LIB (meson.build).
struct Library {
    const char* preload;
    const char* ours;
};
constexpr Library kLibraries[] = {
    {"../lib/viaduct-guest/$LIB/libviaduct-guest.so",
     "../lib/viaduct-guest/" VIADUCT_LIB "/libviaduct-guest.so"},
    {"../layer/libviaduct-guest.so", "../layer/libviaduct-guest.so"},
};

/// The kernel, straight.
class ThisKernel final : public Kernel {
  public:
    int ioctl(int fd, unsigned long request, void* argument) override {
        const int result = ::ioctl(fd, request, argument);
        return result < 0 ? -errno : result;
    }
    Result<Mapping> map(int, uint64_t, size_t) override { return fail(ENOSYS, "not needed"); }
    int wait_readable(int, std::chrono::milliseconds) override { return -ENOSYS; }
};

/// As LD_PRELOAD wants it.
fs::path find_library() {
    const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
    for (const Library& library : kLibraries)
        if (fs::exists(here / library.ours)) return (here / library.preload).lexically_normal();
    std::fprintf(stderr, "viaduct-run: libviaduct-guest.so is missing: %s\n",
                 (here / kLibraries[0].ours).lexically_normal().c_str());
    std::exit(kOwnFailure);
}

int run(char** command) {
    std::string preload = find_library().string();
    if (const char* others = std::getenv("LD_PRELOAD"); others && *others)
        preload += std::string(":") + others;
    ::setenv("LD_PRELOAD", preload.c_str(), 1);
    ::execvp(command[0], command);
    const int error = errno;
    std::fprintf(stderr, "viaduct-run: %s: %s\n", command[0], std::strerror(error));
    return error == ENOENT ? kNoCommand : kCannotRun;
}

/// All DRM render nodes, by name.
std::set<fs::path> render_nodes() {
    std::set<fs::path> nodes;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/dev/dri", error))
        if (entry.path().filename().string().rfind("renderD", 0) == 0) nodes.insert(entry.path());
    return nodes;
}

int check(char** argv) {
    // Where the layer is on for the whole session it would answer in the kernel's place.
    if (const char* state = std::getenv("VIADUCT_GUEST");
        !state || std::string_view(state) != "off") {
        ::setenv("VIADUCT_GUEST", "off", 1);
        ::execv("/proc/self/exe", argv);
    }
    find_library();
    ThisKernel kernel;
    bool usable = false;
    bool any = false;
    for (const fs::path& path : render_nodes()) {
        const UniqueFd node(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        if (!node) {
            std::printf("%s: %s\n", path.c_str(), std::strerror(errno));
            continue;
        }
        const auto offer = look_at({kernel, node.get()});
        if (!offer) continue;
        any = true;
        std::printf("%s: virtio-gpu\n%s", path.c_str(), describe(*offer).c_str());
        usable = usable || offer->usable();
    }
    utsname system{};
    ::uname(&system);
    std::fputs(kernel_faults(system.release).c_str(), stdout);
    if (!any) std::printf("No virtio-gpu render node can be opened.\n");
    std::printf("%s\n", usable ? "Programs started with viaduct-run use the host's GPU."
                               : "viaduct-run has no effect here.");
    return usable ? EXIT_SUCCESS : EXIT_FAILURE;
}

int start(int argc, char** argv) {
    const std::string_view first = argc > 1 ? argv[1] : "--help";
    if (first == "--check") return check(argv);
    if (first == "--library") return std::printf("%s\n", find_library().c_str()) < 0;
    if (first == "--help" || first == "-h") {
        std::fputs(kHelp, argc > 1 ? stdout : stderr);
        return argc > 1 ? EXIT_SUCCESS : kOwnFailure;
    }
    char** command = argv + (first == "--" ? 2 : 1);
    if (!*command || (first != "--" && first.front() == '-')) {
        std::fprintf(stderr, "viaduct-run: unknown option \"%s\"\n%s", argv[1], kHelp);
        return kOwnFailure;
    }
    return run(command);
}

}  // namespace
}  // namespace viaduct::guest

int main(int argc, char** argv) {
    try {
        return viaduct::guest::start(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "viaduct-run: %s\n", error.what());
        return viaduct::guest::kOwnFailure;
    }
}
