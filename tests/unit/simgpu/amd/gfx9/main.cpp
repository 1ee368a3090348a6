// Runs the tests of the interpreter, and then asks whether they left an instruction out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <set>
#include <string>

#include "tests/unit/simgpu/amd/gfx9/executed.h"

namespace simgpu::gfx9::test {
namespace {

// Rows that no case executes, each with the reason beside it: none at present.
const std::set<std::string> kWithoutCase = {};

class Completeness : public testing::Test {
  public:
    void TestBody() override {
        // Only a whole run in order has executed everything by now.
        if (testing::GTEST_FLAG(filter) != "*" || testing::GTEST_FLAG(shuffle) ||
            std::getenv("GTEST_TOTAL_SHARDS"))
            GTEST_SKIP() << "some cases did not run, or not before this test";
        std::set<std::string> missing;
        std::ranges::set_difference(all_rows(), executed_rows(),
                                    std::inserter(missing, missing.end()));
        for (const std::string& row : missing)
            EXPECT_TRUE(kWithoutCase.contains(row)) << row << " is executed by no case";
        for (const std::string& row : kWithoutCase)
            EXPECT_TRUE(missing.contains(row)) << row << " has a case, or does not exist";
    }
};

}  // namespace
}  // namespace simgpu::gfx9::test

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    // Registered after those that register themselves, tables of cases included, it runs last.
    testing::RegisterTest("Completeness", "EveryHandlerIsExecutedByACase", nullptr, nullptr,
                          __FILE__, __LINE__, [] { return new simgpu::gfx9::test::Completeness; });
    return RUN_ALL_TESTS();
}
