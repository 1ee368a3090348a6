#include "tests/loopback/server/renderer_api.h"

#include <dlfcn.h>

namespace viaduct::loopback {

Result<std::unique_ptr<RendererApi>> RendererApi::load(const std::string& path) {
    void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) return fail(ENOENT, "cannot load {}: {}", path, ::dlerror());
    auto api = std::make_unique<RendererApi>();
    api->path_ = path;
    const char* missing = nullptr;
#define LOOPBACK_FIND_OPTIONAL(name) api->name.set(::dlsym(library, #name));
#define LOOPBACK_FIND_REQUIRED(name) \
    LOOPBACK_FIND_OPTIONAL(name)     \
    if (!api->name) missing = #name;
    LOOPBACK_API_FUNCTIONS(LOOPBACK_FIND_REQUIRED, LOOPBACK_FIND_OPTIONAL)
#undef LOOPBACK_FIND_REQUIRED
#undef LOOPBACK_FIND_OPTIONAL
    if (missing) return fail(ENOSYS, "{} has no {}", path, missing);
    return api;
}

}  // namespace viaduct::loopback
