// viaduct-measure: does small pieces of GPU work on request and says how long each took. An
// ordinary Vulkan program: tools/try-hardware runs one in a guest beside one without, in turn.
//
//   viaduct-measure                 answers each line of standard input with one line
//   viaduct-measure REQUEST...      answers these
//
// Requests and answers: "submit", "round-trip", "memory", "write", "upload" (work.h): the same
// word, then the nanoseconds. With a count, such as "submit 1000": the time of that many without a
// pause, of "small-buffers" too (rates.h), and of "floor-submit" and "floor-round-trip" (floor.h).
// "check": "check ok" or "check wrong". "hang": none. Before them: "device NAME". When the device
// fails: "lost" or "error SENTENCE", and the end.
#include <charconv>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include "tools/measure-program/floor.h"
#include "tools/measure-program/rates.h"
#include "tools/measure-program/work.h"

namespace viaduct::measure {
namespace {

struct Measure {
    const char* name;
    Nanoseconds (Work::*run)() const;
};
constexpr Measure kMeasures[] = {
    {"submit", &Work::submit}, {"round-trip", &Work::round_trip}, {"memory", &Work::memory},
    {"write", &Work::write},   {"upload", &Work::upload},
};

void print_time(std::string_view name, Nanoseconds time) {
    std::printf("%.*s %lld\n", static_cast<int>(name.size()), name.data(),
                static_cast<long long>(time.count()));
}

/// The count of a request "NAME COUNT"; none if there is none, or it is not a number above 0.
std::optional<uint32_t> count_of(std::string_view request) {
    const size_t space = request.find(' ');
    if (space == std::string_view::npos) return {};
    const char* const end = request.data() + request.size();
    uint32_t count = 0;
    const auto parsed = std::from_chars(request.data() + space + 1, end, count);
    if (parsed.ec != std::errc() || parsed.ptr != end || count == 0) return {};
    return count;
}

/// The device and what is made on it, for one request after the other.
class Session {
  public:
    const vulkan::Device& device() const { return work_.device(); }
    /// Prints the answer. False for a request that there is not.
    bool answer(const std::string& request) {
        if (request == "check") {
            std::printf("check %s\n", work_.check(++seed_) ? "ok" : "wrong");
        } else if (request == "hang") {
            work_.hang();
        } else if (!answer_once(request) && !answer_many(request)) {
            std::printf("error unknown request \"%s\"\n", request.c_str());
            return false;
        }
        return true;
    }

  private:
    bool answer_once(std::string_view name) const {
        for (const Measure& measure : kMeasures) {
            if (name != measure.name) continue;
            print_time(name, (work_.*measure.run)());
            return true;
        }
        return false;
    }
    bool answer_many(std::string_view request) {
        const auto count = count_of(request);
        if (!count) return false;
        const std::string_view name = request.substr(0, request.find(' '));
        if (name == "floor-submit" || name == "floor-round-trip") {
            print_time(name, floor_time(*count, name == "floor-round-trip"));
            return true;
        }
        const Rate rate = find_rate(name);
        if (rate == nullptr) return false;
        if (!rates_) rates_.emplace(device());
        print_time(name, ((*rates_).*rate)(*count));
        return true;
    }

    const Work work_;
    std::optional<Rates> rates_;  // made when first needed
    uint32_t seed_ = 1;
};

int run(int argc, char** argv) {
    Session session;
    const auto& identity = session.device().identity();
    std::printf("device %s, %s %s\n", identity.device.c_str(), identity.driver.c_str(),
                identity.version.c_str());
    std::fflush(stdout);
    bool good = true;
    for (int i = 1; i < argc && good; ++i) {
        good = session.answer(argv[i]);
        std::fflush(stdout);
    }
    std::string request;
    while (argc == 1 && good && std::getline(std::cin, request)) {
        good = session.answer(request);
        std::fflush(stdout);
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace viaduct::measure

int main(int argc, char** argv) {
    try {
        return viaduct::measure::run(argc, argv);
    } catch (const viaduct::vulkan::Error& error) {
        if (error.result() == VK_ERROR_DEVICE_LOST)
            std::printf("lost\n");
        else
            std::printf("error %s\n", error.what());
        return EXIT_FAILURE;
    }
}
