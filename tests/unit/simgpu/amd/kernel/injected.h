// A fixture for tests with injection: clients of one device, on the fake engine.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>
#include <string>

#include "simgpu/inject.h"
#include "simgpu/log.h"
#include "tests/unit/simgpu/amd/kernel/fake_engine.h"

namespace simgpu::test {

/// The log's lines since the object was made.
class LogCapture {
  public:
    LogCapture() {
        set_log_sink([this](std::string_view line) {
            const std::lock_guard lock(mutex_);
            lines_ += std::string(line) + "\n";
        });
    }
    ~LogCapture() { set_log_sink(nullptr); }
    std::string text() {
        const std::lock_guard lock(mutex_);
        return lines_;
    }

  private:
    std::mutex mutex_;
    std::string lines_;
};

class Injected : public ::testing::Test {
  protected:
    Injected() { ::setenv("VIADUCT_SIMGPU_HANG_MS", "50", 1); }
    ~Injected() override {
        ::unsetenv("VIADUCT_SIMGPU_HANG_MS");
        set_injection({});
    }
    void inject(const char* text) { set_injection(parse_injection(text).value()); }

    struct Client {
        explicit Client(const char* model = "renoir") : file(model) {}
        TestFile file;
        TestBuffer data = file.buffer(kDataVa);
        Program program{file, kProgramVa};
        uint32_t context = file.context();
        void set_name(const std::string& name) {
            drm::SetClientNameArgs set{name.size(), address_of(name.data())};
            EXPECT_EQ(file.ioctl(_IOWR('d', drm::nr::kSetClientName, drm::SetClientNameArgs), &set),
                      0);
        }
        /// A job that counts up word 0.
        int count(uint32_t ip = AMDGPU_HW_IP_GFX) {
            return file.submit(context, program.ib({kCount, lo, hi}, ip));
        }
        int wait_last(uint32_t ip = AMDGPU_HW_IP_GFX) {
            return file.wait(context, UINT64_MAX, kLong, ip);
        }
        uint32_t lo = Program::lo(kDataVa), hi = Program::hi(kDataVa);
    };

    UseFakeEngine engine;
    LogCapture log;
};

}  // namespace simgpu::test
