#include "simgpu/chip.h"

#include <algorithm>

namespace simgpu {

const Chip* find_chip(std::span<const Chip> table, std::string_view name) {
    const auto found = std::ranges::find(table, name, &Chip::name);
    return found == table.end() ? nullptr : &*found;
}

std::string alternatives(std::span<const std::string_view> names) {
    std::string text;
    for (size_t i = 0; i < names.size(); ++i) {
        if (i != 0) text += i + 1 == names.size() ? " or " : ", ";
        text += names[i];
    }
    return text;
}

std::string chip_names(std::span<const Chip> table) {
    std::vector<std::string_view> names;
    for (const Chip& chip : table) names.push_back(chip.name);
    return alternatives(names);
}

std::vector<std::string_view> ring_kinds(std::span<const Chip> table) {
    std::vector<std::string_view> kinds;
    for (const Chip& chip : table)
        for (const std::string_view kind : chip.ring_kinds)
            if (std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
    return kinds;
}

}  // namespace simgpu
