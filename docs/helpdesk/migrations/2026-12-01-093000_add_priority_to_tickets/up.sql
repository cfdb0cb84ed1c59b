ALTER TABLE "tickets" ADD COLUMN "priority" TEXT NOT NULL DEFAULT 'normal' CHECK ("priority" IN ('high', 'low', 'normal'));
