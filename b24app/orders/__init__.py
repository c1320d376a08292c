"""Orders and their links as typed, frozen values. No Django; the portal is reached through bitrix24 only."""
