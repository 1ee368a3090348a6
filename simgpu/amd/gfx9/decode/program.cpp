#include "simgpu/amd/gfx9/decode/program.h"

#include <unordered_map>

#include "simgpu/amd/gfx9/decode/decode.h"

namespace simgpu::gfx9 {

/// The decoded code of one thread.
struct Program::Store {
    /// A hostile shader can be endless; decoded code is forgotten past some megabytes of it.
    static constexpr size_t kMaxPages = 256;

    std::unordered_map<uint64_t, std::shared_ptr<Page>> pages;
    uint64_t last_serial = 0;
};

Program::Store& Program::store() {
    static thread_local Store the_store;
    return the_store;
}

void Program::enter_page(uint64_t number) {
    Store& all = store();
    if (serial_ == 0) serial_ = ++all.last_serial;
    // Decoded operands depend on how many registers there are.
    const uint64_t key = number * (kVgprs + 1) + vgpr_count_;
    if (all.pages.size() >= Store::kMaxPages && !all.pages.contains(key)) all.pages.clear();
    std::shared_ptr<Page>& page = all.pages[key];
    if (!page) page = std::make_shared<Page>();
    if (page->checked_by != serial_) check(*page, number);
    current_ = page;
    current_number_ = number;
}

/// Forgets what memory has no more.
void Program::check(Page& page, uint64_t number) {
    page.checked_by = serial_;
    for (size_t i = 0; i < page.slots.size(); i++) {
        Instruction& slot = page.slots[i];
        if (!slot.handler) continue;
        const uint64_t pc = number * kPageBytes + i * 4;
        if (!holds(pc, slot.words[0]) || (slot.size > 4 && !holds(pc + 4, slot.words[1])))
            slot = {};
    }
}

/// Code that is not reached may be unmapped by now, without a fault.
bool Program::holds(uint64_t va, uint32_t word) {
    const std::byte* host = memory_.contiguous(va, sizeof word, Access::kRead);
    return host && load_dword(host) == word;
}

bool Program::decode_at(uint64_t pc, Instruction& slot) {
    uint32_t words[2] = {};
    if (!memory_.read(pc, &words[0], 4)) return false;
    if (has_second_word(words[0]) && !memory_.read(pc + 4, &words[1], 4)) return false;
    slot = decode(words, vgpr_count_);
    return true;
}

}  // namespace simgpu::gfx9
