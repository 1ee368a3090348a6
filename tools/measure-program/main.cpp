// viaduct-measure: does small pieces of GPU work on request and says how long each took. An
// ordinary Vulkan program: tools/try-hardware runs one in a guest beside one without, in turn.
//
//   viaduct-measure                 answers each line of standard input with one line
//   viaduct-measure REQUEST...      answers these
//
// Requests and answers: "submit", "round-trip", "memory", "upload" (work.h): the same word, then
// the nanoseconds. "check": "check ok" or "check wrong". "hang": none. Before them: "device NAME".
// When the device fails: "lost" or "error SENTENCE", and the end.
#include <cstdio>
#include <iostream>
#include <string>

#include "tools/measure-program/work.h"

namespace viaduct::measure {
namespace {

struct Measure {
    const char* name;
    Nanoseconds (Work::*run)() const;
};
constexpr Measure kMeasures[] = {
    {"submit", &Work::submit},
    {"round-trip", &Work::round_trip},
    {"memory", &Work::memory},
    {"upload", &Work::upload},
};

bool answer(const Work& work, const std::string& request) {
    static uint32_t seed = 1;
    if (request == "check") {
        std::printf("check %s\n", work.check(++seed) ? "ok" : "wrong");
        return true;
    }
    if (request == "hang") {
        work.hang();
        return true;
    }
    for (const Measure& measure : kMeasures) {
        if (request != measure.name) continue;
        std::printf("%s %lld\n", measure.name,
                    static_cast<long long>((work.*measure.run)().count()));
        return true;
    }
    std::printf("error unknown request \"%s\"\n", request.c_str());
    return false;
}

int run(int argc, char** argv) {
    const Work work;
    const auto& identity = work.device().identity();
    std::printf("device %s, %s %s\n", identity.device.c_str(), identity.driver.c_str(),
                identity.version.c_str());
    std::fflush(stdout);
    bool good = true;
    for (int i = 1; i < argc && good; ++i) good = answer(work, argv[i]);
    std::string request;
    while (argc == 1 && good && std::getline(std::cin, request)) {
        good = answer(work, request);
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
