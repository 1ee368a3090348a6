#include "renderer/handover/system_library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/log.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"

namespace viaduct::handover {

namespace {

constexpr const char* kSoname = "libvirglrenderer.so.1";

#if defined(__x86_64__)
#define VIADUCT_TRIPLET "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define VIADUCT_TRIPLET "aarch64-linux-gnu"
#else
#define VIADUCT_TRIPLET "."
#endif

// In the dynamic linker's order: local before distribution, multiarch before the rest.
constexpr const char* kDirectories[] = {
    "/usr/local/lib/" VIADUCT_TRIPLET,
    "/usr/local/lib64",
    "/usr/local/lib",
    "/usr/lib/" VIADUCT_TRIPLET,
    "/lib/" VIADUCT_TRIPLET,
    "/usr/lib64",
    "/lib64",
    "/usr/lib",
    "/lib",
};

// This text is in every build of Viaduct and in nothing else: two of them must not hand over to
// each other.
constexpr std::string_view kMarker = "Viaduct plays libvirglrenderer.so.1";

enum class Need { kAlways, kMayLack };

struct Symbol {
    const char* name;
    size_t offset;  // of its slot in SystemApi
    Need need;
};

#define VIADUCT_SYMBOL(prefix, name, need)                  \
    Symbol {                                                \
        prefix #name, offsetof(SystemApi, name), Need::need \
    }

constexpr Symbol kSymbols[] = {
    VIADUCT_SYMBOL("virgl_renderer_", init, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", cleanup, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", reset, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", poll, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", get_poll_fd, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", force_ctx_0, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", execute, kAlways),
    VIADUCT_SYMBOL("virgl_", set_debug_callback, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", get_cap_set, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", fill_caps, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", context_create_with_flags, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", context_destroy, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", submit_cmd, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", ctx_attach_resource, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", ctx_detach_resource, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", transfer_read_iov, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", transfer_write_iov, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", create_fence, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", context_create_fence, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", context_poll, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", context_get_poll_fd, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", export_fence, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_create, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_import_eglimage, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_create_blob, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_import_blob, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_unref, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_attach_iov, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_detach_iov, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_map, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_unmap, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_get_map_info, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_export_blob, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", resource_get_info, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", get_rect, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", get_cursor_data, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", get_fd_for_texture, kAlways),
    VIADUCT_SYMBOL("virgl_renderer_", get_fd_for_texture2, kAlways),
    VIADUCT_SYMBOL("virgl_", set_log_callback, kMayLack),
    VIADUCT_SYMBOL("virgl_renderer_", resource_get_info_ext, kMayLack),
    VIADUCT_SYMBOL("virgl_renderer_", submit_cmd2, kMayLack),
    VIADUCT_SYMBOL("virgl_renderer_", export_signalled_fence, kMayLack),
    VIADUCT_SYMBOL("virgl_renderer_", attach_fence, kMayLack),
    VIADUCT_SYMBOL("virgl_renderer_", get_dev_fd, kMayLack),
    VIADUCT_SYMBOL("virgl_renderer_", resource_map_fixed, kMayLack),
};
static_assert(std::size(kSymbols) * sizeof(void*) == sizeof(SystemApi));

// A sanitizer, or an allocator that the VMM brought.
bool malloc_is_replaced() {
    void* libc = ::dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (!libc) return true;
    const bool replaced = ::dlsym(libc, "malloc") != ::dlsym(RTLD_DEFAULT, "malloc");
    ::dlclose(libc);
    return replaced;
}

// RTLD_LOCAL keeps the names of two libraries apart for all other libraries. RTLD_DEEPBIND keeps
// them apart for the library itself: its calls to its own exported functions go through the PLT and
// would reach ours when the VMM is linked with us. But it would bind the library to libc's
// allocator as well, and memory passes between it, the VMM and libraries they share; sanitizer
// runtimes refuse the flag for that reason. Without it we stay clear of the functions concerned.
int load_flags() {
    constexpr int kFlags = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
    return malloc_is_replaced() ? kFlags : kFlags | RTLD_DEEPBIND;
}

bool is_ourselves(const struct stat& file) {
    Dl_info self{};
    struct stat own {};
    return ::dladdr(&kSymbols, &self) && ::stat(self.dli_fname, &own) == 0 &&
           own.st_dev == file.st_dev && own.st_ino == file.st_ino;
}

bool is_viaduct(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat file {};
    if (!fd || ::fstat(fd.get(), &file) != 0 || file.st_size <= 0) return false;
    if (is_ourselves(file)) return true;
    const auto size = static_cast<size_t>(file.st_size);
    void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (bytes == MAP_FAILED) return false;
    const Mapping content(bytes, size);
    return ::memmem(bytes, size, kMarker.data(), kMarker.size()) != nullptr;
}

void log_system_line(virgl_log_level_flags level, const char* message, void*) {
    std::string_view text = message ? message : "";
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    log(static_cast<LogLevel>(level), "virglrenderer: {}", text);
}

void log_system_printf(const char* format, va_list arguments) {
    std::array<char, 1024> line;
    if (std::vsnprintf(line.data(), line.size(), format, arguments) > 0)
        log_system_line(VIRGL_LOG_LEVEL_INFO, line.data(), nullptr);
}

}  // namespace

Result<std::unique_ptr<SystemLibrary>> SystemLibrary::find() {
    if (const char* wish = ::secure_getenv("VIADUCT_SYSTEM_VIRGLRENDERER"); wish && *wish) {
        if (std::string_view(wish) == "none")
            return fail(ENOENT, "VIADUCT_SYSTEM_VIRGLRENDERER=none");
        return load(wish);
    }
    for (const char* directory : kDirectories) {
        const std::string path = fmt::format("{}/{}", directory, kSoname);
        if (::access(path.c_str(), R_OK) == 0 && !is_viaduct(path)) return load(path);
    }
    return fail(ENOENT, "no other {} in the system's library directories", kSoname);
}

Result<std::unique_ptr<SystemLibrary>> SystemLibrary::load(const std::string& path) {
    if (is_viaduct(path)) return fail(ELOOP, "{} is Viaduct itself", path);
    // By path: glibc compares a name with a slash in it by file, not by SONAME, so the library is
    // not mistaken for the one already loaded, which is us.
    void* handle = ::dlopen(path.c_str(), load_flags());
    if (!handle) return fail(ENOENT, "cannot load {}: {}", path, ::dlerror());
    std::unique_ptr<SystemLibrary> library(new SystemLibrary(path, handle));
    if (auto status = library->resolve(); !status) return tl::unexpected(status.error());
    library->connect_log();
    log(LogLevel::kInfo, "virgl, Venus and 2D go to {}{}", path,
        library->before_1_0() ? " (a release before 1.0)" : "");
    return library;
}

Status SystemLibrary::resolve() {
    for (const Symbol& symbol : kSymbols) {
        void* address = ::dlsym(handle_, symbol.name);
        if (!address && symbol.need == Need::kAlways)
            return fail(ENOSYS, "{} lacks {}: it is too old", path_, symbol.name);
        std::memcpy(reinterpret_cast<std::byte*>(&api_) + symbol.offset, &address, sizeof address);
    }
    return {};
}

void SystemLibrary::connect_log() const {
    if (api_.set_log_callback)
        api_.set_log_callback(log_system_line, nullptr, nullptr);
    else
        api_.set_debug_callback(log_system_printf);
}

}  // namespace viaduct::handover
