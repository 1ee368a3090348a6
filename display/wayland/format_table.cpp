#include "display/wayland/format_table.h"

#include <drm_fourcc.h>

#include <algorithm>
#include <cstring>

namespace viaduct::wayland {

namespace {

/// linux-dmabuf, zwp_linux_dmabuf_feedback_v1.format_table.
struct TableRow {
    uint32_t format;
    uint32_t padding;
    uint64_t modifier;
};
static_assert(sizeof(TableRow) == 16);

}  // namespace

FormatTable::FormatTable(dev_t main_device, std::vector<Tranche> tranches)
    : main_device_(main_device), tranches_(std::move(tranches)) {
    for (const Tranche& tranche : tranches_)
        pairs_.insert(tranche.formats.begin(), tranche.formats.end());
}

std::optional<uint64_t> FormatTable::modifier_for(uint32_t fourcc, uint64_t modifier) const {
    if (has(fourcc, modifier)) return modifier;
    if (modifier == DRM_FORMAT_MOD_LINEAR && has(fourcc, DRM_FORMAT_MOD_INVALID))
        return DRM_FORMAT_MOD_INVALID;
    return {};
}

std::vector<uint64_t> FormatTable::modifiers_of(uint32_t fourcc) const {
    std::vector<uint64_t> modifiers;
    for (const Tranche& tranche : tranches_)
        for (const FormatPair& pair : tranche.formats)
            if (pair.fourcc == fourcc &&
                std::ranges::find(modifiers, pair.modifier) == modifiers.end())
                modifiers.push_back(pair.modifier);
    return modifiers;
}

bool FormatTable::scanout(uint32_t fourcc, uint64_t modifier) const {
    return std::ranges::any_of(tranches_, [&](const Tranche& tranche) {
        return tranche.scanout &&
               std::ranges::find(tranche.formats, FormatPair{fourcc, modifier}) !=
                   tranche.formats.end();
    });
}

Result<std::vector<FormatPair>> read_format_rows(std::span<const std::byte> table) {
    const size_t count = table.size() / sizeof(TableRow);
    if (table.size() % sizeof(TableRow) != 0 || count > 65536)
        return fail(EINVAL, "a format table cannot have {} bytes", table.size());
    std::vector<FormatPair> rows(count);
    for (size_t i = 0; i < count; ++i) {
        TableRow row;
        std::memcpy(&row, table.data() + i * sizeof(row), sizeof(row));
        rows[i] = {row.format, row.modifier};
    }
    return rows;
}

Result<std::vector<FormatPair>> pick_rows(std::span<const FormatPair> rows,
                                          std::span<const uint16_t> indices) {
    std::vector<FormatPair> picked;
    picked.reserve(indices.size());
    for (const uint16_t index : indices) {
        if (index >= rows.size())
            return fail(EINVAL, "row {} exceeds the format table's {} rows", index, rows.size());
        picked.push_back(rows[index]);
    }
    return picked;
}

}  // namespace viaduct::wayland
