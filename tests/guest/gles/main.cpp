// viaduct-guest-gles: GLES 3.1 compute without a surface, as GoogleTest cases; each result is
// compared with the CPU's.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "tests/guest/gles/context.h"

namespace viaduct::gles {
namespace {

Context* the_context = nullptr;  // main()'s

constexpr size_t kCount = 64 * 100;
constexpr GLsizeiptr kBytes = kCount * sizeof(uint32_t);

std::vector<uint32_t> random_words(uint32_t seed) {
    std::mt19937 generator(seed);
    std::vector<uint32_t> words(kCount);
    for (uint32_t& word : words) word = static_cast<uint32_t>(generator());
    return words;
}

std::vector<uint32_t> read_words(const Buffer& buffer, size_t count = kCount) {
    std::vector<uint32_t> words(count);
    buffer.read(words.data(), static_cast<GLsizeiptr>(count * sizeof(uint32_t)));
    return words;
}

TEST(Gles, BufferUploadAndCopy) {
    const Buffer source(kBytes);
    const Buffer target(kBytes);
    const std::vector<uint32_t> words = random_words(1);
    source.write(words.data(), kBytes);
    glBindBuffer(GL_COPY_READ_BUFFER, source.get());
    glBindBuffer(GL_COPY_WRITE_BUFFER, target.get());
    glCopyBufferSubData(GL_COPY_READ_BUFFER, GL_COPY_WRITE_BUFFER, 0, 0, kBytes);
    check_gl("glCopyBufferSubData");
    finish();
    EXPECT_EQ(read_words(target), words);
}

constexpr char kAffine[] = R"(#version 310 es
layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Input { uint values[]; } source;
layout(std430, binding = 1) writeonly buffer Output { uint values[]; } target;
uniform uint factor;
void main() {
    uint i = gl_GlobalInvocationID.x;
    target.values[i] = source.values[i] * factor + i;
}
)";

TEST(Gles, ComputeWithAUniform) {
    const Buffer source(kBytes);
    // Where GPU and CPU share no cache, iris would draw a copy of it for the CPU to read.
    const Buffer target(kBytes, GL_DYNAMIC_READ);
    std::vector<uint32_t> words = random_words(2);
    source.write(words.data(), kBytes);
    const Program program(kAffine);
    program.use({&source, &target});
    glUniform1ui(glGetUniformLocation(program.get(), "factor"), 2654435761U);
    glDispatchCompute(kCount / 64, 1, 1);
    check_gl("glDispatchCompute");
    finish();
    for (size_t i = 0; i < kCount; ++i)
        words[i] = words[i] * 2654435761U + static_cast<uint32_t>(i);
    EXPECT_EQ(read_words(target), words);
}

constexpr char kScan[] = R"(#version 310 es
layout(local_size_x = 64) in;
layout(std430, binding = 0) buffer Values { uint values[]; } data;
layout(std430, binding = 1) buffer Total { uint total; } sum;
shared uint sums[64];
void main() {
    uint local = gl_LocalInvocationID.x;
    sums[local] = data.values[gl_GlobalInvocationID.x];
    barrier();
    for (uint distance = 1u; distance < 64u; distance *= 2u) {
        uint left = local >= distance ? sums[local - distance] : 0u;
        barrier();
        sums[local] += left;
        barrier();
    }
    data.values[gl_GlobalInvocationID.x] = sums[local];
    if (local == 63u) atomicAdd(sum.total, sums[local]);
}
)";

TEST(Gles, LocalMemoryBarriersAndAtomics) {
    const Buffer values(kBytes);
    const Buffer total(sizeof(uint32_t));
    std::vector<uint32_t> words = random_words(3);
    const uint32_t zero = 0;
    values.write(words.data(), kBytes);
    total.write(&zero, sizeof(zero));
    const Program program(kScan);
    program.use({&values, &total});
    glDispatchCompute(kCount / 64, 1, 1);
    check_gl("glDispatchCompute");
    finish();
    EXPECT_EQ(read_words(total, 1).front(), std::accumulate(words.begin(), words.end(), 0U));
    for (size_t i = 0; i < kCount; ++i)
        if (i % 64 != 0) words[i] += words[i - 1];
    EXPECT_EQ(read_words(values), words);
}

// The caller of the program injects a hang then.
TEST(Gles, AHangLosesTheContext) {
    const char* expected = std::getenv("VIADUCT_GUEST_EXPECT");
    if (expected == nullptr || std::strcmp(expected, "device-lost") != 0)
        GTEST_SKIP() << "VIADUCT_GUEST_EXPECT is not device-lost";
    EXPECT_FALSE(the_context->lost());
    const Buffer source(kBytes);
    const Buffer target(kBytes);
    const Program program(kAffine);
    program.use({&source, &target});
    // The job in flight may end like any other; what comes after it must notice.
    for (int attempt = 0; attempt < 3 && !the_context->lost(); ++attempt) {
        glDispatchCompute(kCount / 64, 1, 1);
        try {
            finish();
        } catch (const Error&) {  // waiting in a lost context may fail
        }
    }
    EXPECT_TRUE(the_context->lost());
}

// Each pass reads what the one before wrote.
TEST(Gles, ManyDependentDispatches) {
    constexpr uint32_t kPasses = 100;
    const Buffer even(kBytes);
    const Buffer odd(kBytes);
    std::vector<uint32_t> words = random_words(4);
    even.write(words.data(), kBytes);
    const Program program(kAffine);
    for (uint32_t pass = 0; pass < kPasses; ++pass) {
        program.use({pass % 2 == 0 ? &even : &odd, pass % 2 == 0 ? &odd : &even});
        glUniform1ui(glGetUniformLocation(program.get(), "factor"), pass);
        glDispatchCompute(kCount / 64, 1, 1);
        glMemoryBarrier(GL_SHADER_STORAGE_BARRIER_BIT);
        for (size_t i = 0; i < kCount; ++i) words[i] = words[i] * pass + static_cast<uint32_t>(i);
    }
    finish();
    EXPECT_EQ(read_words(even), words);
}

}  // namespace
}  // namespace viaduct::gles

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
    try {
        viaduct::gles::Context context;
        viaduct::gles::the_context = &context;
        std::printf("renderer: %s\nversion: %s\n", context.renderer().c_str(),
                    context.version().c_str());
        return RUN_ALL_TESTS();
    } catch (const viaduct::gles::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
