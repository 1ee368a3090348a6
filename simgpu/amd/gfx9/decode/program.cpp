#include "simgpu/amd/gfx9/decode/program.h"

#include "simgpu/amd/gfx9/decode/decode.h"

namespace simgpu::gfx9 {

bool Program::enter_page(uint64_t number) {
    if (pages_.size() >= kMaxPages && !pages_.contains(number)) pages_.clear();
    std::unique_ptr<Page>& page = pages_[number];
    if (!page) page = std::make_unique<Page>();
    current_ = page.get();
    current_number_ = number;
    return true;
}

bool Program::decode_at(uint64_t pc, Instruction& slot) {
    uint32_t words[2] = {};
    if (!memory_.read(pc, &words[0], 4)) return false;
    if (has_second_word(words[0]) && !memory_.read(pc + 4, &words[1], 4)) return false;
    slot = decode(words, vgpr_count_);
    return true;
}

}  // namespace simgpu::gfx9
