#include "simgpu/null_mode.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "simgpu/log.h"

namespace simgpu {

namespace {

std::string_view wish() {
    const char* const text = std::getenv("VIADUCT_SIMGPU_NULL");
    return text ? text : "";
}

std::atomic<bool>& mode() {
    static std::atomic<bool> the_mode{wish() == "1"};
    return the_mode;
}

}  // namespace

bool null_mode() {
    return mode().load(std::memory_order_relaxed);
}

void set_null_mode(bool on) {
    mode() = on;
}

viaduct::Status null_mode_status() {
    const std::string_view text = wish();
    if (!text.empty() && text != "0" && text != "1")
        return viaduct::fail(EINVAL, "'{}' is not 0 or 1", text);
    return {};
}

void announce_null_mode() {
    static std::atomic<bool> announced{false};
    if (!null_mode() || announced.exchange(true)) return;
    log("VIADUCT_SIMGPU_NULL=1: jobs end without being executed; nothing is computed or drawn");
}

}  // namespace simgpu
