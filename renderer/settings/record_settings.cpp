#include "renderer/settings/record_settings.h"

#include <string_view>

#include "renderer/settings/budget.h"

namespace viaduct {

Result<std::optional<RecordSettings>> record_settings(const Environment& environment, int pid) {
    const char* path = environment("VIADUCT_RECORD");
    if (!path || !*path) return std::nullopt;
    RecordSettings settings;
    settings.path = path;
    constexpr std::string_view kPid = "%PID%";
    const std::string number = std::to_string(pid);
    for (size_t at = 0; (at = settings.path.find(kPid, at)) != std::string::npos;)
        settings.path.replace(at, kPid.size(), number);
    if (const char* contents = environment("VIADUCT_RECORD_CONTENTS"); contents && *contents) {
        const std::string_view wish = contents;
        if (wish != "yes" && wish != "no")
            return fail(EINVAL, "VIADUCT_RECORD_CONTENTS=\"{}\" is neither yes nor no", wish);
        settings.contents = wish == "yes";
    }
    if (const char* limit = environment("VIADUCT_RECORD_LIMIT"); limit && *limit) {
        const auto bytes = parse_size(limit);
        if (!bytes || *bytes == 0)
            return fail(EINVAL, "VIADUCT_RECORD_LIMIT=\"{}\" is not a size; use one such as 512M",
                        limit);
        settings.most_bytes = *bytes;
    }
    if (const char* gpu = environment("VIADUCT_GPU")) settings.gpu = gpu;
    return settings;
}

}  // namespace viaduct
