// A target: what each program of tests/fuzz defines. main.cpp connects it to libFuzzer.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace viaduct::fuzz {

/// Called once, before the first input.
void start();
/// Feeds the code under test. Whatever the input, it returns.
void run(std::span<const uint8_t> input);

/// The target cannot work on this machine, or is not complete: ends the program with a sentence,
/// and not as a finding.
[[noreturn]] void give_up(const std::string& reason);

}  // namespace viaduct::fuzz
