#include "drm-context/xe/bindings.h"

#include <iterator>

namespace viaduct::xe {

namespace {

// Tables of 512 entries on four levels (xe_pt.c): one of the lowest level reaches 2 MiB.
constexpr uint64_t kTableReach = 2 << 20;
constexpr uint64_t kUpperTables = 2;  // beside each run of lowest ones, of two levels above
constexpr uint64_t kEdges = 2;

}  // namespace

uint64_t Bindings::tables_of(uint64_t size, bool has_memory) {
    // A range without memory has large entries, so it needs tables at its edges only.
    if (!has_memory) return kEdges * (1 + kUpperTables);
    return size / kTableReach + kEdges + kUpperTables;
}

// A range cuts two mappings at most, each of which keeps a piece.
uint64_t Bindings::most_tables(Range range, bool has_memory) {
    return tables_of(range.size, has_memory) + kEdges * (1 + kUpperTables) + kEdges;
}

void Bindings::insert(uint64_t start, Mapping mapping) {
    tables_ += tables_of(mapping.end - start, mapping.memory != nullptr);
    starts_.emplace(mapping.memory.get(), start);
    if (mapping.memory && mapping.memory->shown != GemHandle()) ++shown_[mapping.memory.get()];
    mappings_.insert_or_assign(start, std::move(mapping));
}

Bindings::Mappings::iterator Bindings::erase(Mappings::iterator mapping) {
    tables_ -= tables_of(mapping->second.end - mapping->first, mapping->second.memory != nullptr);
    starts_.erase({mapping->second.memory.get(), mapping->first});
    if (const auto shown = shown_.find(mapping->second.memory.get());
        shown != shown_.end() && --shown->second == 0)
        shown_.erase(shown);
    return mappings_.erase(mapping);
}

void Bindings::map(Range range, BufferMemoryPtr memory) {
    unmap(range);
    insert(range.start, {range.end(), std::move(memory)});
}

void Bindings::unmap(Range range) {
    auto mapping = mappings_.upper_bound(range.start);
    if (mapping != mappings_.begin() && std::prev(mapping)->second.end > range.start) --mapping;
    while (mapping != mappings_.end() && mapping->first < range.end()) {
        const uint64_t start = mapping->first;
        const Mapping cut = mapping->second;
        mapping = erase(mapping);
        if (start < range.start) insert(start, {range.start, cut.memory});
        if (cut.end > range.end()) insert(range.end(), cut);
    }
}

/// Of a mapping, and not where it begins.
bool Bindings::is_inside(uint64_t address) const {
    const auto behind = mappings_.lower_bound(address);
    return behind != mappings_.begin() && std::prev(behind)->second.end > address;
}

bool Bindings::cuts(Range range) const {
    return is_inside(range.start) || is_inside(range.end());
}

// Not by a look at all mappings: a guest may have many, and a list of these operations.
void Bindings::unmap_all(const BufferMemoryPtr& memory) {
    const BufferMemory* const wanted = memory.get();
    for (auto at = starts_.lower_bound({wanted, 0}); at != starts_.end() && at->first == wanted;
         at = starts_.lower_bound({wanted, 0}))
        erase(mappings_.find(at->second));
}

std::vector<GemHandle> Bindings::shown() const {
    std::vector<GemHandle> handles;
    for (const auto& [memory, mappings] : shown_)
        if (memory->shown != GemHandle()) handles.push_back(memory->shown);
    return handles;
}

}  // namespace viaduct::xe
