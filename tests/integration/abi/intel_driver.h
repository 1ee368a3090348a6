// IntelDriver: what guests of i915 and xe have in common, the chip.
#pragma once

#include "tests/integration/abi/guest_driver.h"

namespace viaduct::test {

class IntelDriver : public GuestDriver {
  public:
    // MI_STORE_DATA_IMM, MI_SEMAPHORE_WAIT that polls memory, MI_BATCH_BUFFER_END (PRM volume 2a).
    Words write_value(uint64_t va, uint32_t value) const override {
        return {0x10000002, static_cast<uint32_t>(va), static_cast<uint32_t>(va >> 32), value};
    }
    Words wait_for_one(uint64_t va) const override {
        constexpr uint32_t kPoll = 1u << 15, kEqual = 4u << 12;
        return {0x0e000002 | kPoll | kEqual, 1, static_cast<uint32_t>(va),
                static_cast<uint32_t>(va >> 32)};
    }
    Words finish(Words words) const override {
        words.push_back(0x05000000);
        if (words.size() % 2 != 0) words.push_back(0);
        return words;
    }

  protected:
    using GuestDriver::GuestDriver;
};

}  // namespace viaduct::test
