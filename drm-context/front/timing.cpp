#include "drm-context/front/timing.h"

#include <cstdlib>

namespace viaduct {

std::chrono::milliseconds milliseconds_from_environment(const char* variable,
                                                        std::chrono::milliseconds otherwise) {
    const char* text = std::getenv(variable);
    const long value = text ? std::strtol(text, nullptr, 10) : 0;
    return value > 0 ? std::chrono::milliseconds(value) : otherwise;
}

std::chrono::milliseconds watchdog_time() {
    static const auto time =
        milliseconds_from_environment("VIADUCT_WATCHDOG_MS", std::chrono::milliseconds(10'000));
    return time;
}

}  // namespace viaduct
