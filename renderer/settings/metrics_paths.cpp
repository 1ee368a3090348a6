#include "renderer/settings/metrics_paths.h"

#include <string_view>

namespace viaduct {

std::vector<std::string> metrics_folders(const Environment& environment) {
    std::vector<std::string> folders;
    if (const char* runtime = environment("XDG_RUNTIME_DIR"); runtime && *runtime)
        folders.push_back(std::string(runtime) + "/viaduct");
    folders.emplace_back("/run/viaduct");
    return folders;
}

Result<MetricsPlaces> metrics_places(const Environment& environment, int pid, uid_t user) {
    constexpr std::string_view kUnix = "unix:";
    MetricsPlaces places;
    if (const char* wish = environment("VIADUCT_METRICS"); wish && *wish) {
        const std::string_view text = wish;
        if (text == "off") return places;
        if (!text.starts_with(kUnix) || text.size() == kUnix.size())
            return fail(EINVAL,
                        "VIADUCT_METRICS=\"{}\" is not an address for metrics; use "
                        "unix:/path/of/a/socket, or off",
                        text);
        places.paths.emplace_back(text.substr(kUnix.size()));
        places.wanted = true;
        return places;
    }
    std::vector<std::string> folders = metrics_folders(environment);
    if (user != 0) folders.insert(folders.end() - 1, fmt::format("{}/{}", folders.back(), user));
    for (const std::string& folder : folders)
        places.paths.push_back(fmt::format("{}/{}.metrics", folder, pid));
    return places;
}

}  // namespace viaduct
