#include "simgpu/intel/eu/decode/program.h"

#include "simgpu/intel/eu/decode/decode.h"
#include "simgpu/intel/eu/isa/compaction.h"
#include "simgpu/intel/eu/isa/opcodes.h"

namespace simgpu::intel::eu {

void Program::enter_page(uint32_t number) {
    if (pages_.size() >= kMaxPages && !pages_.contains(number)) pages_.clear();
    std::unique_ptr<Page>& page = pages_[number];
    if (!page) page = std::make_unique<Page>();
    current_ = page.get();
    current_number_ = number;
}

bool Program::decode_at(uint32_t ip, std::unique_ptr<Instruction>& slot) {
    Words words;
    if (!memory_.read(start_ + ip, &words.low, 8)) return false;
    const bool compacted = is_compacted(words.low);
    if (compacted)
        words = expand(words.low, generation_);
    else if (!memory_.read(start_ + ip + 8, &words.high, 8))
        return false;
    slot = std::make_unique<Instruction>(decode(words, compacted ? 8 : 16, generation_));
    if (slot->opcode != opcode::kBreak) return true;
    // Its channels join behind the instruction at UIP, which may be compacted.
    uint64_t there = 0;
    if (!memory_.read(start_ + ip + static_cast<uint32_t>(slot->uip), &there, 8)) return false;
    slot->size_at_uip = is_compacted(there) ? 8 : 16;
    return true;
}

}  // namespace simgpu::intel::eu
