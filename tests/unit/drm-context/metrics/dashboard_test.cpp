// tools/grafana/viaduct.json asks for figures and labels that the exposition has, and leaves none
// out.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "drm-context/account/vm_account.h"
#include "drm-context/metrics/exposition.h"

namespace viaduct {
namespace {

using Names = std::set<std::string>;

Names matches(const std::string& text, const std::regex& pattern) {
    Names names;
    for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match)
        names.insert((*match)[1]);
    return names;
}

/// Of a VM with one context that has used one ring: each figure, with its labels.
std::map<std::string, Names> figures_and_labels() {
    const auto vm = VmAccount::create().value();
    const VmSlot slot(vm, vm->take_slot(ContextId(1), "gears").value());
    account::ContextCounters& counters = vm->books().slots[slot.index()].counters;
    counters.rings = 1;
    counters.ring[0].submissions = 1;
    std::istringstream lines(exposition({"vm", 1, "sim", "amdgpu", {}, {"", "NEW"}}, *vm));
    std::map<std::string, Names> figures;
    for (std::string line; std::getline(lines, line);)
        if (!line.starts_with('#'))
            figures[line.substr(0, line.find('{'))].merge(
                matches(line, std::regex(R"(([a-z_]+)=")")));
    return figures;
}

struct Query {
    std::string expression;
    std::string legend;
};

std::vector<Query> queries(const nlohmann::json& dashboard) {
    std::vector<Query> found;
    for (const auto& variable : dashboard.at("templating").at("list"))
        if (variable.contains("definition"))
            found.push_back({variable.at("definition").get<std::string>(), ""});
    for (const auto& panel : dashboard.at("panels"))
        for (const auto& target : panel.value("targets", nlohmann::json::array()))
            found.push_back({target.at("expr").get<std::string>(),
                             target.at("legendFormat").get<std::string>()});
    return found;
}

class Dashboard : public testing::Test {
  protected:
    void SetUp() override {
        const char* const path = std::getenv("VIADUCT_DASHBOARD");
        if (!path) GTEST_SKIP() << "VIADUCT_DASHBOARD does not name tools/grafana/viaduct.json";
        queries_ = queries(nlohmann::json::parse(std::ifstream(path)));
        ASSERT_FALSE(queries_.empty());
    }

    static Names figures_of(const std::string& expression) {
        return matches(expression, std::regex("(viaduct_[a-z_]+)"));
    }

    const std::map<std::string, Names> figures_ = figures_and_labels();
    std::vector<Query> queries_;
};

TEST_F(Dashboard, AsksForFiguresAndLabelsThatThereAre) {
    const std::regex word("([a-z]+)"), by(R"(by \(([a-z, ]+)\))"), selector(R"(([a-z]+)=~)");
    for (const auto& [expression, legend] : queries_) {
        for (const std::string& figure : figures_of(expression)) {
            ASSERT_TRUE(figures_.contains(figure)) << figure << " in " << expression;
            const Names& labels = figures_.at(figure);
            Names asked = matches(legend, std::regex(R"(\{\{([a-z]+)\}\})"));
            asked.merge(matches(expression, selector));
            for (const std::string& list : matches(expression, by)) {
                Names kept = matches(list, word);
                for (const std::string& label : matches(legend, std::regex(R"(\{\{([a-z]+)\}\})")))
                    EXPECT_TRUE(kept.contains(label)) << label << " is summed up: " << expression;
                asked.merge(kept);
            }
            for (const std::string& label : asked)
                EXPECT_TRUE(labels.contains(label)) << figure << " has no label " << label;
        }
    }
}

TEST_F(Dashboard, LeavesNoFigureOut) {
    Names shown;
    for (const Query& query : queries_) shown.merge(figures_of(query.expression));
    for (const auto& [figure, labels] : figures_) {
        if (figure == "viaduct_context_start_seconds") continue;  // by a clock that Grafana has not
        if (figure.starts_with("viaduct_ring_latency_seconds_")) continue;  // its buckets are
        EXPECT_TRUE(shown.contains(figure)) << figure << " is on no panel";
    }
    EXPECT_TRUE(shown.contains("viaduct_ring_latency_seconds_bucket"));
}

}  // namespace
}  // namespace viaduct
