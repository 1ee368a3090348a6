#include "drm-context/front/loss_notice.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "blob/memfd.h"
#include "drm-context/driver/table.h"
#include "wire/amdgpu.h"

namespace viaduct {
namespace {

const DriverTraits& amdgpu_traits() {
    return find_context_type(wire::ContextType::kAmdgpu)->traits();
}

/// A control buffer, and the guest that looks into it.
struct Guest {
    Guest() { EXPECT_TRUE(notice.attach(fd.get(), amdgpu_traits())); }
    bool waits_for(uint32_t seqno) const {
        return static_cast<int32_t>(shmem->base.seqno - seqno) < 0;
    }
    UniqueFd fd = create_sealed_memfd("test", 0x4000).value();
    Mapping mapping = Mapping::map_shared(fd.get(), 0, 0x4000).value();
    wire::amdgpu::Shmem* shmem = reinterpret_cast<wire::amdgpu::Shmem*>(mapping.data());
    LossNotice notice;
};

RC_GTEST_PROP(LossNotice, NoWaiterIsLeftBehind, (uint32_t published, uint32_t waiting)) {
    Guest guest;
    guest.shmem->base.seqno = published;
    guest.notice.post();
    RC_ASSERT(!guest.waits_for(published));
    RC_ASSERT(!guest.waits_for(published + waiting % (1u << 30)));
    RC_ASSERT(!guest.waits_for(published - waiting % (1u << 30)));
}

RC_GTEST_PROP(LossNotice, IsRepeatedOverWhatADyingWorkerWrote, (uint32_t published, uint8_t more)) {
    Guest guest;
    guest.shmem->base.seqno = published;
    guest.notice.post();
    guest.shmem->base.seqno = published + more;
    guest.notice.post();
    RC_ASSERT(!guest.waits_for(published + (1u << 29)));
}

TEST(LossNotice, RaisesAsyncErrorAndNeverToZero) {
    Guest guest;
    for (const uint32_t before : {0u, 5u, UINT32_MAX}) {
        guest.shmem->async_error = before;
        guest.notice.post();
        EXPECT_NE(guest.shmem->async_error, 0u);
        EXPECT_NE(guest.shmem->async_error, before);
    }
}

// The layouts of i915's, xe's and panfrost's control buffers.
struct MaskShmem {
    wire::ShmemHeader base;
    uint64_t mask;
    uint64_t responses;  // not the notice's
};

std::pair<MaskShmem, bool> after_a_loss(const LossField& field) {
    const UniqueFd fd = create_sealed_memfd("test", 0x4000).value();
    const Mapping mapping = Mapping::map_shared(fd.get(), 0, 0x4000).value();
    LossNotice notice;
    const DriverTraits traits{.name = "test", .shmem_size = 16, .loss = field};
    const bool attached = notice.attach(fd.get(), traits).has_value();
    notice.post();
    return {*reinterpret_cast<const MaskShmem*>(mapping.data()), attached};
}

TEST(LossNotice, SetsEveryBitOfAMask) {
    const auto [shmem, attached] =
        after_a_loss({LossField::Kind::kMask64, offsetof(MaskShmem, mask)});
    ASSERT_TRUE(attached);
    EXPECT_EQ(shmem.mask, UINT64_MAX);
    EXPECT_EQ(shmem.responses, 0u);
    EXPECT_NE(shmem.base.seqno, 0u);
}

TEST(LossNotice, LeavesADriverWithoutAFieldItsSequenceNumber) {
    const auto [shmem, attached] = after_a_loss({});
    ASSERT_TRUE(attached);
    EXPECT_EQ(shmem.mask, 0u);
    EXPECT_EQ(shmem.base.rsp_mem_offset, 0u);
    EXPECT_NE(shmem.base.seqno, 0u);
}

TEST(LossNotice, WithoutAControlBufferThereIsNobodyToTell) {
    LossNotice().post();
}

}  // namespace
}  // namespace viaduct
