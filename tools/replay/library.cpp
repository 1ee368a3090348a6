#include "tools/replay/library.h"

#include <dlfcn.h>

#include <filesystem>

namespace viaduct::replay {

namespace fs = std::filesystem;

Result<Library> Library::load(const std::string& path) {
    void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) return fail(ENOENT, "cannot load {}: {}", path, ::dlerror());
    Library library;
    library.path = path;
    const char* missing = nullptr;
#define VIADUCT_REPLAY_FIND(name)                                               \
    library.name = reinterpret_cast<decltype(&::name)>(::dlsym(handle, #name)); \
    if (!library.name) missing = #name;
    VIADUCT_REPLAY_CALLS(VIADUCT_REPLAY_FIND)
#undef VIADUCT_REPLAY_FIND
    if (missing) return fail(ENOSYS, "{} has no function {}", path, missing);
    return library;
}

std::string default_library() {
    constexpr const char* kName = "libvirglrenderer.so.1";
    std::error_code error;
    // We are BUILD/tools/viaduct/viaduct, or installed.
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    const fs::path build = self.parent_path().parent_path().parent_path();
    const fs::path built = build / "renderer" / kName;
    return fs::exists(built, error) ? built.string() : kName;
}

}  // namespace viaduct::replay
