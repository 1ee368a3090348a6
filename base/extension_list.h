// Lists of extensions, as EGL and GL give them.
#pragma once

#include <string_view>

namespace viaduct {

/// True if a list, names with spaces between, has `name`.
inline bool has_extension(std::string_view list, std::string_view name) {
    for (size_t at = list.find(name); at != std::string_view::npos; at = list.find(name, at + 1)) {
        const size_t end = at + name.size();
        if ((at == 0 || list[at - 1] == ' ') && (end == list.size() || list[end] == ' '))
            return true;
    }
    return false;
}

}  // namespace viaduct
