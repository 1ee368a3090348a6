#include "drm-context/account/exposition.h"

#include <gtest/gtest.h>

#include <cstring>
#include <regex>
#include <sstream>

#include "drm-context/account/vm_account.h"

namespace viaduct {
namespace {

class Exposition : public testing::Test {
  protected:
    /// Every line is a comment or a sample, and every sample follows its family's TYPE.
    static void expect_well_formed(const std::string& text) {
        static const std::regex sample(
            R"re(viaduct_[a-z_]+\{([a-z]+="([^"\\]|\\.)*",?)+\} [0-9.+e-]+)re");
        std::istringstream lines(text);
        std::string family;
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("# TYPE ")) family = line.substr(7, line.find(' ', 7) - 7);
            if (line.starts_with('#')) continue;
            EXPECT_TRUE(std::regex_match(line, sample)) << line;
            EXPECT_TRUE(line.starts_with(family)) << line << " in " << family;
        }
    }

    std::shared_ptr<VmAccount> vm_ = VmAccount::create().value();
    VmIdentity identity_{"a \"b\"\\c\n", 42, "sim", "amdgpu", {}, {"", "NEW", "SUBMIT"}};
};

TEST_F(Exposition, IsWellFormedAndSaysWhatIsThere) {
    VmSlot slot(vm_, vm_->take_slot(3, "gears").value());
    account::ContextCounters& counters = vm_->page().contexts[slot.index()];
    counters.commands[2] = 5;
    counters.rings = 2;
    counters.ring[1].submissions = 4;
    counters.ring[1].completed = 1;
    counters.ring[1].queue_class = 1;
    counters.ring[1].latency[10] = 1;
    const std::string text = exposition(identity_, *vm_);
    expect_well_formed(text);
    const std::string labels = R"({vm="a \"b\"\\c?",pid="42",context="3",process="gears",)";
    for (const std::string& line :
         {"viaduct_context_commands_total" + labels + "command=\"SUBMIT\"} 5\n",
          "viaduct_ring_queue_depth" + labels + "ring=\"compute.0\"} 3\n",
          "viaduct_ring_latency_seconds_bucket" + labels + "ring=\"compute.0\",le=\"+Inf\"} 1\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST_F(Exposition, SurvivesAnythingInTheSharedMemory) {
    const VmSlot slot(vm_, vm_->take_slot(1, "taken over").value());
    for (const int byte : {0x00, 0x01, 0x02, 0x7f, 0x80, 0xff}) {
        account::Page& page = vm_->page();
        std::memset(static_cast<void*>(&page.charges[0]), byte, sizeof(page.charges[0]));
        std::memset(static_cast<void*>(&page.contexts[0]), byte, sizeof(page.contexts[0]));
        const std::string text = exposition(identity_, *vm_);
        expect_well_formed(text);
        EXPECT_NE(text.find("viaduct_vm_contexts{vm=\"a \\\"b\\\"\\\\c?\",pid=\"42\"} 1\n"),
                  std::string::npos)
            << text;
    }
}

}  // namespace
}  // namespace viaduct
