// The entry points that libFuzzer calls; and `--make-seeds=DIRECTORY`, which writes programs of the
// grammar there, for a corpus to begin with.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "tests/fuzz/grammar.h"
#include "tests/fuzz/target.h"

namespace viaduct::fuzz {

namespace {

constexpr int kSeeds = 24;
constexpr size_t kMostSeedBytes = 64 << 10;

void write_seeds(const std::string& directory) {
    for (unsigned number = 0; number < kSeeds; ++number) {
        Random random(number);
        const auto bytes = write_program(grammar().make_program(random), kMostSeedBytes);
        std::ofstream file(directory + "/seed-" + std::to_string(number), std::ios::binary);
        file.write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
        if (!file) give_up("cannot write to " + directory);
    }
}

}  // namespace

void give_up(const std::string& reason) {
    constexpr int kNotAFinding =
        3;  // tools/fuzz tells it from libFuzzer's 77 and the sanitizers' 1
    std::fprintf(stderr, "%s\n", reason.c_str());
    std::_Exit(kNotAFinding);
}

}  // namespace viaduct::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
    constexpr std::string_view kMakeSeeds = "--make-seeds=";
    for (int i = 1; i < *argc; ++i) {
        const std::string_view argument = (*argv)[i];
        if (!argument.starts_with(kMakeSeeds)) continue;
        viaduct::fuzz::write_seeds(std::string(argument.substr(kMakeSeeds.size())));
        std::exit(0);
    }
    viaduct::fuzz::start();
    // Threads that were let go have their time before the leak checker looks.
    std::atexit([] { std::this_thread::sleep_for(std::chrono::seconds(1)); });
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    viaduct::fuzz::run({data, size});
    return 0;
}
