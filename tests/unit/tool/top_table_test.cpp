#include "tools/viaduct/top_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace viaduct::tool {
namespace {

std::string exposition(const char* pid, const char* vm, double busy, double memory) {
    const std::string labels = std::string("{vm=\"") + vm + "\",pid=\"" + pid + "\"";
    const std::string context = labels + ",context=\"1\",process=\"gears\"";
    return "viaduct_vm_busy_seconds_total" + labels + ",engine=\"gfx\"} " + std::to_string(busy) +
           "\nviaduct_context_busy_seconds_total" + context + ",engine=\"gfx\"} " +
           std::to_string(busy) + "\nviaduct_context_memory_bytes" + context + ",heap=\"local\"} " +
           std::to_string(memory) + "\nviaduct_ring_submissions_total" + context +
           ",ring=\"gfx.0\"} 10\n";
}

class Table : public testing::Test {
  protected:
    const Figures before_ =
        figures_of({exposition("1", "alice", 1, 1 << 20), exposition("2", "bob", 1, 9 << 20)});
    const Figures now_ =
        figures_of({exposition("1", "alice", 2, 1 << 20), exposition("2", "bob", 1.5, 9 << 20)});
};

TEST_F(Table, ShowsSharesOfTheTimeBetween) {
    const std::string text = top_table(before_, now_, 2, SortKey::kGpu, 0);
    EXPECT_NE(text.find("50.0"), std::string::npos) << text;
    EXPECT_NE(text.find("25.0"), std::string::npos) << text;
    EXPECT_NE(text.find("gfx.0"), std::string::npos) << text;
}

TEST_F(Table, Sorts) {
    const auto order = [&](SortKey key) {
        const std::string text = top_table(before_, now_, 1, key, 0);
        const size_t contexts = text.find("PROCESS");
        return text.find("alice", contexts) < text.find("bob", contexts);
    };
    EXPECT_TRUE(order(SortKey::kGpu));
    EXPECT_FALSE(order(SortKey::kMemory));
    EXPECT_TRUE(order(SortKey::kName));
}

TEST_F(Table, FitsTheTerminal) {
    const std::string text = top_table(before_, now_, 1, SortKey::kGpu, 3);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
    EXPECT_NE(top_table({}, {}, 1, SortKey::kGpu, 100), "");
}

TEST_F(Table, AContextThatBeganMeanwhileStartsFromNothing) {
    const std::string text = top_table({}, now_, 4, SortKey::kGpu, 0);
    EXPECT_NE(text.find("50.0"), std::string::npos) << text;
}

}  // namespace
}  // namespace viaduct::tool
