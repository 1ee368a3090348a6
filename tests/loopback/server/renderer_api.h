// Any libvirglrenderer.so.1, loaded at run time and called through its public ABI only.
#pragma once

#include <memory>
#include <string>
#include <type_traits>

#include "base/result.h"
#include "renderer/abi/virglrenderer.h"
#include "tests/loopback/server/statistics.h"

namespace viaduct::loopback {

/// One function of the library; a call is timed, and counted as failed if it returns non-zero.
template <typename Signature>
class ApiFunction;

template <typename R, typename... A>
class ApiFunction<R (*)(A...)> {
  public:
    /// Not every release has every function.
    explicit operator bool() const { return pointer_ != nullptr; }

    R operator()(A... arguments) {
        const auto start = std::chrono::steady_clock::now();
        if constexpr (std::is_void_v<R>) {
            pointer_(arguments...);
            statistics_.add(std::chrono::steady_clock::now() - start);
        } else {
            const R value = pointer_(arguments...);
            statistics_.add(std::chrono::steady_clock::now() - start);
            if constexpr (std::is_integral_v<R>) statistics_.failures += value != 0 ? 1 : 0;
            return value;
        }
    }

    void set(void* symbol) { pointer_ = reinterpret_cast<R (*)(A...)>(symbol); }
    const CallStatistics& statistics() const { return statistics_; }

  private:
    R (*pointer_)(A...) = nullptr;
    CallStatistics statistics_;
};

/// The calls that this server makes, and whether each is optional. Release 1.0 has the required
/// ones.
#define LOOPBACK_API_FUNCTIONS(REQUIRED, OPTIONAL)     \
    REQUIRED(virgl_renderer_init)                      \
    REQUIRED(virgl_renderer_cleanup)                   \
    REQUIRED(virgl_renderer_poll)                      \
    REQUIRED(virgl_renderer_get_cap_set)               \
    REQUIRED(virgl_renderer_fill_caps)                 \
    REQUIRED(virgl_renderer_context_create_with_flags) \
    REQUIRED(virgl_renderer_context_destroy)           \
    REQUIRED(virgl_renderer_submit_cmd)                \
    REQUIRED(virgl_renderer_ctx_attach_resource)       \
    REQUIRED(virgl_renderer_ctx_detach_resource)       \
    REQUIRED(virgl_renderer_create_fence)              \
    REQUIRED(virgl_renderer_context_create_fence)      \
    REQUIRED(virgl_renderer_resource_create)           \
    REQUIRED(virgl_renderer_resource_attach_iov)       \
    REQUIRED(virgl_renderer_resource_detach_iov)       \
    REQUIRED(virgl_renderer_resource_create_blob)      \
    REQUIRED(virgl_renderer_resource_unref)            \
    REQUIRED(virgl_renderer_resource_map)              \
    REQUIRED(virgl_renderer_resource_unmap)            \
    REQUIRED(virgl_renderer_resource_get_map_info)     \
    REQUIRED(virgl_renderer_resource_export_blob)      \
    REQUIRED(virgl_renderer_transfer_read_iov)         \
    REQUIRED(virgl_renderer_transfer_write_iov)        \
    OPTIONAL(virgl_renderer_resource_map_fixed)        \
    OPTIONAL(virgl_set_log_callback)

class RendererApi {
  public:
    /// Loads `path` (with a slash: that file; else a name the loader looks for). It stays loaded.
    static Result<std::unique_ptr<RendererApi>> load(const std::string& path);

    const std::string& path() const { return path_; }

    template <typename Visitor>
    void for_each_called(Visitor visit) const {
#define LOOPBACK_VISIT(name) \
    if (name.statistics().calls != 0) visit(#name, name.statistics());
        LOOPBACK_API_FUNCTIONS(LOOPBACK_VISIT, LOOPBACK_VISIT)
#undef LOOPBACK_VISIT
    }

#define LOOPBACK_DECLARE(name) ApiFunction<decltype(&::name)> name;
    LOOPBACK_API_FUNCTIONS(LOOPBACK_DECLARE, LOOPBACK_DECLARE)
#undef LOOPBACK_DECLARE

  private:
    std::string path_;
};

}  // namespace viaduct::loopback
